"""One time line for both streams of a file, whatever its stamps do: docs/decisions/jumping-stamps.md.

Joined recordings (transport streams laid end to end, HLS segments) start their stamps again, a clock that
wraps or is set jumps by hours, and a header may state any length. So all packets are looked at before any is
decoded. Where the stamps jump, both streams are shifted by one offset, so that the video goes on where it
was.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from speechlip.errors import SourceRefused
from speechlip.media.streams.speeds import Places, apart, side_by_side_s
from speechlip.media.streams.stamps import NAMES, NO_STAMPS, WILD_S, Run, StreamStamps

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


class TimeLineReader:
    """Shown every packet of both streams in the order of the file."""

    def __init__(self, streams: Sequence[Any], presented: bool) -> None:
        self._places = {} if presented else {stream.type: Places() for stream in streams}
        self.lines = {
            stream.index: StreamStamps(stream, presented or stream.type == "audio") for stream in streams
        }
        self._seen = 0
        self.end_byte = 0  # of the file, behind the last packet

    def see(self, packet: Any) -> None:
        """Take note of a packet. Raises SourceRefused (stage ``probe``): no usable time stamps."""
        line = self.lines[packet.stream.index]  # a flushing packet says 0 of itself
        other_s = next((other.last_s for other in self.lines.values() if other is not line), None)
        line.see(packet, self._seen, other_s)
        self._seen += 1
        byte = packet.opaque if packet.pos is None else packet.pos  # of a copy (``packets.shown``)
        self.end_byte = max(self.end_byte, (byte or 0) + packet.size)
        if self._places and packet.size and packet.dts is not None and packet.pos is not None:
            self._places[line.kind].see(packet.pos, packet.dts * line.time_base)

    def time_line(self) -> TimeLine:
        """After the last packet.

        Raises SourceRefused (stage ``probe``): no usable time stamps, too few pictures.
        """
        self._check_speeds()
        return joined({line.kind: line.runs() for line in self.lines.values()})

    def _check_speeds(self) -> None:
        kinds = list(self._places)
        beside = side_by_side_s(*(self._places[kind].kept for kind in kinds)) if len(kinds) == 2 else None
        if beside and apart(*beside):
            lengths = " beside ".join(
                f"{float(length_s):.1f} s of {NAMES[kind]}"
                for kind, length_s in zip(kinds, beside, strict=True)
            )
            raise SourceRefused("probe", NO_STAMPS, f"{lengths} in the file: a rate in its header is wrong")


def joined(runs: Mapping[str, Sequence[Run]]) -> TimeLine:
    """Runs of ``video`` and ``audio`` → one time line.

    >>> s = Fraction
    >>> video = [Run(0, 0, s(1), s(7), None), Run(150, 300, s(1), s(5), s(7))]
    >>> audio = [Run(0, 1, s(1), s(7), s(1)), Run(280, 305, s(1), s(5), s(1))]
    >>> line = joined({"video": video, "audio": audio})
    >>> line.video_stop_s, line.audio_shifts[-1].offset_s, line.jumps
    (Fraction(11, 1), Fraction(6, 1), (Jump(at_s=7.0, by_s=-6.0, streams='all'),))
    """
    epochs = [_Epoch()]
    inside: dict[str, list[int]] = {kind: [] for kind in runs}  # of each run, the number of its epoch
    for _, kind, number in sorted(
        (run.order, kind, number) for kind, line in runs.items() for number, run in enumerate(line)
    ):
        inside[kind].append(_epoch_of(kind, number, runs, epochs, inside))
    ends_s = {kind: _ends_s(runs[kind], inside[kind], epochs) for kind in runs}
    shifts = {kind: tuple(_shifts(kind, runs[kind], inside[kind], epochs)) for kind in runs}
    return TimeLine(
        *ends_s.get("video", (None, None)),
        *ends_s.get("audio", (None, None)),
        video_shifts=shifts.get("video", ()),
        audio_shifts=shifts.get("audio", ()),
        jumps=tuple(_jumps(epochs, len(runs))),
    )


def _epoch_of(
    kind: str,
    number: int,
    runs: Mapping[str, Sequence[Run]],
    epochs: list[_Epoch],
    inside: Mapping[str, list[int]],
) -> int:
    """Number of the epoch in which a run lies: an existing one, or a new one that is added to ``epochs``.

    It is one that the other stream opened, where the run goes on within WILD_S; the one before, where the
    other stream confirms that this one was only away; else a new one. The video decides the offset, since it
    goes on exactly where it was.
    """
    run = runs[kind][number]
    other = next((other for other in inside if other != kind and inside[other]), None)
    if not number:
        here = inside[other][-1] if other else 0
        epochs[here].starts.setdefault(kind, run)
        return here
    old = inside[kind][-1]
    before_s, due_s = runs[kind][number - 1].stop_s + epochs[old].offset_s, run.start_s + epochs[old].offset_s
    ahead = range(old + 1, min(len(epochs), old + 1 + LOOK_AHEAD))
    fits = [k for k in ahead if abs(run.start_s + epochs[k].offset_s - before_s) <= WILD_S]
    new = fits[0] if fits else None
    if (
        fits and other and run.other_s is not None and len(runs[other]) != len(runs[kind])
    ):  # else they jump together, one after another
        first = runs[kind][0]
        usual_s = (
            first.start_s - first.other_s if first.other_s is not None else 0
        )  # how far ahead of the other one a recording begins
        beside_s = run.other_s + epochs[inside[other][-1]].offset_s + usual_s
        new = min(fits, key=lambda k: abs(run.start_s + epochs[k].offset_s - beside_s))
        behind_s = beside_s - run.start_s - epochs[new].offset_s
        if behind_s > TOGETHER_S and len(inside[other]) < len(runs[other]):
            new = (
                None  # of the recording that comes next, of which the other stream has not given anything yet
            )
    if not fits and other and due_s > before_s:
        beside = runs[other][len(inside[other]) - 1]
        if _only_away(
            run, due_s - before_s, epochs[old].offset_s, beside, epochs[inside[other][-1]].offset_s
        ):
            return old
    if new is None:
        new = len(epochs)
        epochs.append(_Epoch())
    if kind == "video" or not epochs[new].starts:
        epochs[new].offset_s, epochs[new].by_s = before_s - run.start_s, due_s - before_s
    epochs[new].starts.setdefault(kind, run)
    return new


def _only_away(
    run: Run, step_s: Fraction, offset_s: Fraction, beside: Run, beside_offset_s: Fraction
) -> bool:
    """Whether the other stream confirms that this one stepped ahead.

    At that place in the file the other stream is there already, or it goes on to there and both end together.
    """
    due_s, stop_s, other_stop_s = (
        run.start_s + offset_s,
        run.stop_s + offset_s,
        beside.stop_s + beside_offset_s,
    )
    if run.other_s is not None and abs(run.other_s + beside_offset_s - due_s) <= WILD_S:
        return True
    return other_stop_s >= due_s - WILD_S and abs(stop_s - other_stop_s) < abs(stop_s - step_s - other_stop_s)


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
