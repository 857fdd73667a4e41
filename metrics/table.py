"""Every metric that scoring knows: the built-in ones, and those of other packages by name.

Goal: one place that options, columns, tables and reports ask. Nothing is imported before it is asked for. A
family is what ``--metrics`` names: one image metric, or several columns that come out of one computation
(``lse``, ``lmd``). Image metrics are the files of ``metrics/image``; another package adds one by an entry
point of the group ``speechlip.metrics`` that names a ``Metric``. Families of ``GROUPS`` and ``BY_NAME``, and
those of other packages, are scored where they are asked for, by name or by group; all others by default. So
neither a release nor a plug-in changes default scores.
Functions: families, members, metrics_of, metric, metrics_per, families_that_need, packages_of.
"""

import pkgutil
from collections.abc import Iterable
from functools import cache
from importlib import import_module

from speechlip.errors import OptionError, no_such
from speechlip.metrics import image
from speechlip.metrics.declared import Metric
from speechlip.plugins import Registry

FIRST = ("lse", "lmd", "psnr", "ssim", "lpips", "cpbd")
"""Families in the order that options and tables have always had; further ones follow by name."""
GROUPS: dict[str, tuple[str, ...]] = {
    "lips": ("mtm", "slcc", "lip_corr", "lip_dtw", "lmd_soft", "silent_lips", "lip_dynamics"),
    "articulation": ("lips_closed", "teeth_on_lip", "lips_rounded"),
    "head": ("pose_error", "head_motion", "blinks_per_minute", "brow_dynamics"),
    "identity": ("identity_dlib",),
    "image": ("sharpness", "flicker"),
    "theval": ("theval_lips", "theval_head", "theval_brows", "theval_silence", "theval_sync"),
    "expression": ("blendshape_error", "blendshape_fd"),
}
"""Group, which is the room of its files → its families, scored on request only. ``--metrics`` takes the
group's name, too."""
BY_NAME = ("brisque",)
"""Families that only their own name requests: they want a file of the user's."""
DEFAULT = "default"
"""What ``--metrics`` calls the families that are scored where it is left out."""


def _places() -> dict[str, str]:
    """Built-in family → where its metrics are declared, in the order of every table."""
    files = (file.name for file in pkgutil.iter_modules(image.__path__))
    images = {name: f"{image.__name__}.{name}:METRIC" for name in files if not name.startswith("_")}
    places = {
        "lse": "speechlip.metrics.sync.columns:METRICS",
        "lmd": "speechlip.metrics.lmd:METRICS",
    } | images
    by_name = {family: images[family] for family in BY_NAME}
    on_request = {
        family: images.get(family, f"speechlip.metrics.{group}.{family}:METRICS")
        for group, families_of in GROUPS.items()
        for family in families_of
    } | by_name
    by_default = (*FIRST, *sorted(places.keys() - {*FIRST} - on_request.keys()))
    return {family: places[family] for family in by_default} | on_request


METRICS = Registry("metric", "speechlip.metrics", _places(), words=(DEFAULT, *GROUPS))
"""Families of metrics by name; beside them groups may be named."""


def families() -> tuple[str, ...]:
    """Names of the families that are scored by default, in the order of every table. Imports none of them.

    >>> families()[:6]
    ('lse', 'lmd', 'psnr', 'ssim', 'lpips', 'cpbd')
    """
    on_request = {*BY_NAME, *(family for members in GROUPS.values() for family in members)}
    return tuple(family for family in METRICS.built_in if family not in on_request)


def members(group: str) -> tuple[str, ...]:
    """The families of a group or of ``default``; none of another name.

    >>> members("lips")[:2]
    ('mtm', 'slcc')
    """
    return families() if group == DEFAULT else GROUPS.get(group, ())


def metrics_of(family: str) -> tuple[Metric, ...]:
    """The columns of a family, in order; of ``lse`` those of SyncNet.

    Raises OptionError for an unknown family, and for one of another package that cannot be used.

    >>> [metric.name for metric in metrics_of("lmd")]
    ['lmd', 'lmd_iod']
    """
    if family not in METRICS.built_in:
        return (_of_another_package(family),)
    declared = METRICS.get(family)
    return declared if isinstance(declared, tuple) else (declared,)


def metric(column: str) -> Metric:
    """The metric of a column of ``scores.csv``. Raises OptionError that lists the built-in columns.

    >>> metric("lse_d").unit, metric("lse_d").arrow, metric("psnr").higher_is_better
    ('distance', '↓', True)
    """
    if column in (known := _built_in()):
        return known[column]
    if column in METRICS.added():
        return _of_another_package(column)
    raise no_such("metric", column, known)


def metrics_per(per: str, asked: Iterable[str], needs: str = "") -> tuple[str, ...]:
    """Families of ``asked`` that are computed per ``frame pair``, ``frame`` or ``clip``, and need ``needs``.

    >>> metrics_per("frame pair", ["cpbd", "psnr"]), metrics_per("clip", ["lse", "lmd"], "landmarks")
    (('psnr',), ('lmd',))
    """
    firsts = ((family, metrics_of(family)[0]) for family in asked)
    return tuple(family for family, each in firsts if each.per == per and (not needs or needs in each.needs))


def families_that_need(what: str, asked: Iterable[str]) -> tuple[str, ...]:
    """Families of ``asked`` whose metrics need ``audio``, ``reference``, ``landmarks`` or ``network``.

    >>> families_that_need("reference", families())
    ('lmd', 'psnr', 'ssim', 'lpips')
    """
    return tuple(family for family in asked if what in metrics_of(family)[0].needs)


def packages_of(asked: Iterable[str]) -> dict[str, str]:
    """Package → version, of the families of ``asked`` that other packages add."""
    added = METRICS.added()
    points = [added[family] for family in asked if family not in METRICS.built_in and family in added]
    return {point.dist.name: point.dist.version for point in points if point.dist}


@cache
def _built_in() -> dict[str, Metric]:
    """Column → metric of every built-in family, and of sync models other than SyncNet."""
    sync = import_module("speechlip.metrics.sync.columns")
    others = (*sync.OF_OTHER_MODELS, *sync.OF_MOUTH_MODELS)
    return {each.name: each for family in METRICS.built_in for each in metrics_of(family)} | {
        each.name: each for each in others
    }


def _of_another_package(name: str) -> Metric:
    """A metric by its entry point. Raises OptionError where none is there, or no Metric of that name."""
    added = METRICS.get(name)
    if not isinstance(added, Metric):
        raise OptionError(
            f"metric {name!r} is {type(added).__name__}, not a speechlip.metrics.Metric; "
            "ask the package that adds it"
        )
    if (added.name, added.family) != (name, name) or added.name in _built_in():
        raise OptionError(
            f"metric {name!r} calls itself {added.name!r} of family {added.family!r}; "
            "name, family and entry point are one name, and none of the built-in columns"
        )
    if "audio" in added.needs and "landmarks" not in added.needs:
        raise OptionError(f"metric {name!r} needs audio; lip sync is scored by a sync model (--sync-model)")
    return added
