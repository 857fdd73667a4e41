"""One time line for both streams of a file, whatever its stamps do: docs/decisions/jumping-stamps.md.

Joined recordings (transport streams laid end to end, HLS segments) start their stamps again, a clock that
wraps or is set jumps by hours, and a header may state any length. So all packets are looked at before any is
decoded. Where the stamps jump, both streams are shifted by one offset, so that the video goes on where it
was.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from speechlip.media.streams.stamps import NAMES, WILD_S, Run

LOOK_AHEAD = 64
"""Offsets among which a stream that jumps looks for its own: the other stream is no further ahead in the
file."""
TOGETHER_S = Fraction(1, 2)
"""Muxers lay the packets of both streams side by side about as near as that."""
JUMPS_NAMED = 3


@dataclass(frozen=True)
class Shift:
    """From packet ``first_packet`` of a stream on, ``offset_s`` is added to its stamps.

    first_packet: counted from 0.
    offset_s: seconds.
    begin_s, end_s: audio outside [begin_s, end_s) is left out, since no image of its recording goes with it;
        None where there is no such limit.
    """

    first_packet: int
    offset_s: Fraction
    begin_s: Fraction | None = None
    end_s: Fraction | None = None


@dataclass(frozen=True)
class Jump:
    """A jump of the stamps, over which reading goes on without a gap.

    at_s: where, in seconds of the time line.
    by_s: how far, in seconds.
    streams: ``all``, ``pictures`` or ``sound``.
    """

    at_s: float
    by_s: float
    streams: str


@dataclass(frozen=True)
class TimeLine:
    """Where the streams lie, in seconds after the shifts; None where no packet of the stream has a stamp.

    video_start_s, audio_start_s: presentation of the first packet.
    video_stop_s, audio_stop_s: end of the last.
    video_shifts, audio_shifts: what was added to the stamps.
    jumps: where and by how much they jumped.
    """

    video_start_s: Fraction | None
    video_stop_s: Fraction | None
    audio_start_s: Fraction | None
    audio_stop_s: Fraction | None
    video_shifts: tuple[Shift, ...] = ()
    audio_shifts: tuple[Shift, ...] = ()
    jumps: tuple[Jump, ...] = ()


@dataclass
class _Epoch:
    """A stretch of file between two jumps of the clock.

    offset_s: what is added to the stamps in it.
    by_s: the jump at its begin.
    starts: kind of stream → its first run in it.
    """

    offset_s: Fraction = Fraction(0)
    by_s: Fraction = Fraction(0)
    starts: dict[str, Run] = field(default_factory=dict)

    def start_s(self, kind: str) -> Fraction:
        return self.starts[kind].start_s + self.offset_s


def joined(runs: Mapping[str, Sequence[Run]]) -> TimeLine:
    """Runs of ``video`` and ``audio`` → one time line.

    >>> s = Fraction
    >>> video = [Run(0, 0, s(1), s(7), None), Run(150, 300, s(1), s(5), s(7))]
    >>> audio = [Run(0, 1, s(1), s(7), s(1)), Run(280, 305, s(1), s(5), s(1))]
    >>> line = joined({"video": video, "audio": audio})
    >>> line.video_stop_s, line.audio_shifts[-1].offset_s, line.jumps
    (Fraction(11, 1), Fraction(6, 1), (Jump(at_s=7.0, by_s=-6.0, streams='all'),))
    """
    joining = _Joining(runs)
    for _, kind, number in sorted(
        (run.order, kind, number) for kind, line in runs.items() for number, run in enumerate(line)
    ):
        joining.add(kind, number)
    epochs, inside = joining.epochs, joining.inside
    ends_s = {kind: _ends_s(runs[kind], inside[kind], epochs) for kind in runs}
    shifts = {kind: tuple(_shifts(kind, runs[kind], inside[kind], epochs)) for kind in runs}
    return TimeLine(
        *ends_s.get("video", (None, None)),
        *ends_s.get("audio", (None, None)),
        video_shifts=shifts.get("video", ()),
        audio_shifts=shifts.get("audio", ()),
        jumps=tuple(_jumps(epochs, len(runs))),
    )


class _Joining:
    """Puts the runs of both streams into epochs, in the order of the file.

    epochs: in the order of the time line.
    inside: kind of stream → number of the epoch of each of its runs so far.
    """

    def __init__(self, runs: Mapping[str, Sequence[Run]]) -> None:
        self._runs = runs
        self.epochs = [_Epoch()]
        self.inside: dict[str, list[int]] = {kind: [] for kind in runs}

    def add(self, kind: str, number: int) -> None:
        """Put run ``number`` of a stream into an epoch."""
        other = next((other for other in self.inside if other != kind and self.inside[other]), None)
        if number:
            here = self._epoch_of(kind, number, other)
        else:
            here = self._first_epoch_of(kind, other) if other else 0
        self.inside[kind].append(here)
        self.epochs[here].starts.setdefault(kind, self._runs[kind][number])

    def _first_epoch_of(self, kind: str, other: str) -> int:
        """Number of the epoch of a stream's first run: that of the other stream, or a new one.

        A new one where the other stream jumps next, to where this run begins: a part that has the other
        stream alone comes before, and the packets of this one lie first behind the join.
        """
        run, old = self._runs[kind][0], self.inside[other][-1]
        before, *coming = self._runs[other][len(self.inside[other]) - 1 :]
        if not coming or not self._is_far_from_other(run) or self._is_far_from_other(coming[0]):
            return old
        stop_s = before.stop_s + self.epochs[old].offset_s
        by_s = run.start_s + self.epochs[old].offset_s - stop_s
        self.epochs.append(_Epoch(stop_s - run.start_s, by_s))
        return len(self.epochs) - 1

    def _is_far_from_other(self, run: Run) -> bool:
        """Whether a run begins at another time than the other stream has at that place in the file."""
        return run.other_s is not None and abs(run.start_s - run.other_s) > TOGETHER_S

    def _epoch_of(self, kind: str, number: int, other: str | None) -> int:
        """Number of the epoch of a run that is not its stream's first.

        It is one that the other stream opened, where the run goes on within WILD_S; the one before, where the
        other stream confirms that this one was only away; else a new one. The video decides the offset, since
        it goes on exactly where it was.
        """
        run, old = self._runs[kind][number], self.inside[kind][-1]
        before_s = self._runs[kind][number - 1].stop_s + self.epochs[old].offset_s
        due_s = run.start_s + self.epochs[old].offset_s
        ahead = range(old + 1, min(len(self.epochs), old + 1 + LOOK_AHEAD))
        fits = [k for k in ahead if abs(run.start_s + self.epochs[k].offset_s - before_s) <= WILD_S]
        if not fits and other and due_s > before_s and self._only_away(run, old, other, due_s - before_s):
            return old
        here = self._beside(kind, run, other, fits) if fits else None
        if here is None:
            here = len(self.epochs)
            self.epochs.append(_Epoch())
        epoch = self.epochs[here]
        if kind == "video" or not epoch.starts:
            epoch.offset_s, epoch.by_s = before_s - run.start_s, due_s - before_s
        return here

    def _beside(self, kind: str, run: Run, other: str | None, fits: Sequence[int]) -> int | None:
        """Of the epochs in which a run goes on, the one that lies beside the other stream in the file.

        None where that is the recording that comes next, of which the other stream has given nothing yet.
        Streams with as many runs as each other jump together, one after another.
        """
        runs = self._runs
        if not other or run.other_s is None or len(runs[other]) == len(runs[kind]):
            return fits[0]
        first = runs[kind][0]
        usual_s = first.start_s - first.other_s if first.other_s is not None else 0
        beside_s = run.other_s + self.epochs[self.inside[other][-1]].offset_s + usual_s
        nearest = min(fits, key=lambda k: abs(run.start_s + self.epochs[k].offset_s - beside_s))
        behind_s = beside_s - run.start_s - self.epochs[nearest].offset_s
        to_come = len(self.inside[other]) < len(runs[other])
        return None if behind_s > TOGETHER_S and to_come else nearest

    def _only_away(self, run: Run, old: int, other: str, step_s: Fraction) -> bool:
        """Whether the other stream confirms that this one stepped ahead by ``step_s``.

        At that place in the file the other stream is there already, or it goes on to there and both end
        together.
        """
        offset_s, other_offset_s = (self.epochs[k].offset_s for k in (old, self.inside[other][-1]))
        beside = self._runs[other][len(self.inside[other]) - 1]
        due_s, stop_s = run.start_s + offset_s, run.stop_s + offset_s
        other_stop_s = beside.stop_s + other_offset_s
        if run.other_s is not None and abs(run.other_s + other_offset_s - due_s) <= WILD_S:
            return True
        apart_s = abs(stop_s - other_stop_s)
        return other_stop_s >= due_s - WILD_S and apart_s < abs(stop_s - step_s - other_stop_s)


def _ends_s(
    runs: Sequence[Run], inside: Sequence[int], epochs: Sequence[_Epoch]
) -> tuple[Fraction | None, Fraction | None]:
    if not runs:
        return None, None
    return runs[0].start_s + epochs[inside[0]].offset_s, max(
        run.stop_s + epochs[k].offset_s for run, k in zip(runs, inside, strict=True)
    )


def _shifts(
    kind: str, runs: Sequence[Run], inside: Sequence[int], epochs: Sequence[_Epoch]
) -> Iterator[Shift]:
    if len(epochs) == 1 or not runs:
        return
    begins = {k: epoch.start_s("video") for k, epoch in enumerate(epochs) if k and "video" in epoch.starts}
    changes = [number for number, k in enumerate(inside) if not number or k != inside[number - 1]]
    for number, following in zip(changes, [*changes[1:], None], strict=True):
        k, until = inside[number], inside[following] if following is not None else inside[number]
        end_s = next((begins[later] for later in range(k + 1, until + 1) if later in begins), None)
        limits = (begins.get(k), end_s) if kind == "audio" else (None, None)
        yield Shift(runs[number].first_packet if number else 0, epochs[k].offset_s, *limits)


def _jumps(epochs: Sequence[_Epoch], streams: int) -> Iterator[Jump]:
    for epoch in epochs[1:]:
        first = "video" if "video" in epoch.starts else "audio"
        yield Jump(
            float(epoch.start_s(first)),
            float(epoch.by_s),
            "all" if len(epoch.starts) == streams else NAMES[first],
        )


def jump_corrections(jumps: Sequence[Jump]) -> Iterator[str]:
    """Sentences on jumps, the first few one by one.

    >>> list(jump_corrections([Jump(6.0, -6.04, "all")]))
    ['stamps jump by -6.040 s at 6.000 s: read on without a gap']
    >>> list(jump_corrections([Jump(9.0, 3600.0, "sound")]))
    ['stamps jump by +3600.000 s at 9.000 s, of the sound only: read on without a gap']
    """
    for jump in jumps[:JUMPS_NAMED]:
        only = "" if jump.streams == "all" else f", of the {jump.streams} only"
        yield f"stamps jump by {jump.by_s:+.3f} s at {jump.at_s:.3f} s{only}: read on without a gap"
    if (more := len(jumps) - JUMPS_NAMED) > 0:
        yield f"stamps jump {more} time{'s' * (more > 1)} more"
