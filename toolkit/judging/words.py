"""A paragraph for each metric, made from its answers alone."""

from collections.abc import Iterable, Sequence

from speechlip.judging.answers import BETTER, UNKNOWN, UNMOVED, WORSE, Answer, Curve
from speechlip.judging.harms.table import HARMS
from speechlip.metrics.declared import Metric


def paragraph(metric: Metric, curves: Sequence[Curve]) -> str:
    """What a metric notices, misses, rewards and cannot take, and its false alarms, in sentences."""
    harms = [each for each in curves if not HARMS[each.harm].harmless]
    taken = [each for each in harms if not each.cannot]
    if not taken:
        return f"{metric.title} could not be judged: {_reasons(curves)}."
    asked = [each for each in taken if not _unknown(each)]
    harmless = [each for each in curves if HARMS[each.harm].harmless and not each.cannot]
    said = [
        _sentence("Calls worse", [_from(each) for each in asked if each.notices_from is not None]),
        _sentence(
            "Sees some steps, not the largest, of",
            [HARMS[each.harm].title for each in asked if each.notices_from is None and _any(each, WORSE)],
        ),
        _sentence("Does not notice", [_title(each) for each in asked if _blind(each)]),
        _sentence("Calls better", [_title(each, BETTER) for each in asked if _any(each, BETTER)]),
        _sentence(
            "Not in the order of the steps",
            [HARMS[each.harm].title for each in asked if each.in_order is False and not _blind(each)],
        ),
        _alarms([each for each in harmless if not _unknown(each)]),
        _sentence(
            "Perhaps chance, among so many answers",
            [_at(each, doubted) for each in asked if (doubted := [a for a in each.answers if a.by_chance])],
        ),
        _sentence("Too few clips for", [_title(each) for each in (*taken, *harmless) if _unknown(each)]),
        _cannot(harms),
    ]
    return " ".join(filter(None, said))


def _from(each: Curve) -> str:
    """A harm with the smallest step that is noticed, and how often a copy is told at the largest."""
    harm = HARMS[each.harm]
    at_most = f"AUC {each.answers[-1].auc:.2f}"
    if len(each.answers) == 1 or each.notices_from is None:
        return f"{harm.words(each.answers[-1].step)} ({at_most})"
    last = harm.words(each.answers[-1].step).removeprefix(harm.title).strip(" ,")
    return f"{harm.words(each.notices_from)} and more ({at_most} at {last})"


def _title(each: Curve, verdict: str = "") -> str:
    return _at(each, [told for told in each.answers if told.verdict == verdict] if verdict else [])


def _at(each: Curve, steps: Sequence[Answer]) -> str:
    """A harm at some of its steps; of no step or the only one its title alone."""
    harm = HARMS[each.harm]
    if not steps or len(each.answers) == 1:
        return harm.title.strip(" ,")
    if len(steps) == len(each.answers):
        return f"{harm.title.strip(' ,')} at every step"
    return f"{harm.title.strip(' ,')} at {', '.join(f'{told.step:g}' for told in steps)} {harm.unit}".strip()


def _blind(each: Curve) -> bool:
    return all(told.verdict in (UNMOVED, UNKNOWN) for told in each.answers)


def _any(each: Curve, verdict: str) -> bool:
    return any(told.verdict == verdict for told in each.answers)


def _unknown(each: Curve) -> bool:
    return all(told.verdict == UNKNOWN for told in each.answers)


def _alarms(harmless: Sequence[Curve]) -> str:
    if not harmless:
        return ""
    alarms = [(each, told) for each in harmless for told in each.answers if told.verdict in (WORSE, BETTER)]
    return _sentence("False alarms", [_alarm(*alarm) for alarm in alarms]) or "No false alarm."


def _alarm(each: Curve, told: Answer) -> str:
    size = "" if told.effect is None else f", {abs(told.effect):.1f} of its own spread"
    return f"{HARMS[each.harm].words(told.step)} ({told.verdict}{size})"


def _cannot(harms: Iterable[Curve]) -> str:
    by_reason: dict[str, list[str]] = {}
    for each in harms:
        if each.cannot:
            by_reason.setdefault(each.cannot, []).append(HARMS[each.harm].title.strip(" ,"))
    return " ".join(f"Not asked about {', '.join(names)}: {why}." for why, names in by_reason.items())


def _reasons(curves: Iterable[Curve]) -> str:
    return "; ".join(dict.fromkeys(each.cannot for each in curves if each.cannot)) or "no value"


def _sentence(opening: str, things: Sequence[str]) -> str:
    return f"{opening}: {', '.join(things)}." if things else ""
