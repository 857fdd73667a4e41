"""The stamps of one stream's packets: where they jump, and how far frames are apart."""

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from heapq import heappop, heappush
from typing import Any

from speechlip.errors import SourceRefused

WILD_S = 10
"""Longer than any pause between frames that a recorder leaves on purpose; ffmpeg's -dts_delta_threshold."""
BACK_S = Fraction(1, 10)
"""Stamps in the order of decoding that go back by more have started again, as ffmpeg takes it."""
MAX_HOLD_S = Fraction(1, 2)
"""A face that stands still for longer while the voice goes on is a hole in the file, not a pose."""
MAX_REORDER = 16
"""Frames that an H.264 or HEVC decoder may hold back (H.264 table A-1, max_num_reorder_frames)."""
MAX_JUMPS = 10_000
"""Recordings of 2 s, one after another for five hours."""
EVEN_S, EVEN_SHARE = Fraction(11, 10_000), 0.99
"""By how much two even steps may differ (containers round stamps to 1 ms), and the share of even ones of
all."""
MAX_FPS = 1000
MAX_SAME_TIME = 3
"""For each image of a time of its own; both fields of an image may be packets of one time."""
SAME_RATE = 0.005
"""The header's rate is taken where the stamps are no further from it than this share."""
ROUNDED_RATE = 0.0005
"""Half of what 30 and 29.97 are apart."""
STEPS_PER_S = 10_000
"""Steps are counted to 0.1 ms."""
NO_STAMPS = "no usable time stamps"
NAMES = {"video": "pictures", "audio": "sound"}
"""Words for the streams in messages."""


@dataclass(frozen=True)
class Run:
    """Packets of one stream without a jump of their stamps; times in seconds as stamped.

    first_packet: number of its first packet, from 0, in the stream.
    order: the same, over both streams.
    start_s: first presentation.
    stop_s: end of the last.
    other_s: last stamp of the other stream before it, None where there was none.
    """

    first_packet: int
    order: int
    start_s: Fraction
    stop_s: Fraction
    other_s: Fraction | None


@dataclass
class _OpenRun:
    """A run while it grows; times in ticks."""

    first_packet: int
    order: int
    other_s: Fraction | None
    start: int
    last: int
    last_length: int


Ticks = tuple[int, Fraction]
"""A time in ticks, and the length of one in seconds: their product is needed only where stamps jump."""
Entry = tuple[int, int, int, int, int, Ticks | None]
"""packet, order, stamp, shown at, length (0: not stated) in ticks; last presentation of the other stream."""


class StreamStamps:
    """Shown every packet of one stream.

    presented: whether packets say when they are shown, and not only when they are decoded.
    is_empty: whether no packet holds anything so far.
    is_cut_inside: whether an edit list cuts behind the first image, not at a key frame.
    """

    def __init__(self, stream: Any, presented: bool) -> None:
        self.kind, self.time_base, self._presented = stream.type, stream.time_base, presented
        self._wild, self._back, self._hold = (
            round(length / self.time_base) for length in (WILD_S, BACK_S, MAX_HOLD_S)
        )
        self._runs: list[_OpenRun] = []
        self._last = 0
        self._doubtful: Entry | None = None
        self.packets, self.is_empty = 0, True
        self.is_cut_inside, self._goes_back = False, False
        self._hidden: int | None = None
        self.steps = Steps(self.time_base)

    @property
    def last(self) -> Ticks | None:
        """Last presentation before any doubtful one."""
        return (self._runs[-1].last, self.time_base) if self._runs else None

    def see(self, packet: Any, order: int, other: Ticks | None) -> None:
        """Take note of a packet.

        order: its number over both streams.
        other: last presentation of the other stream before it.

        Raises SourceRefused: no usable time stamps.
        """
        number, shown = self.packets, packet.pts if self._presented else packet.dts
        self.packets += 1
        self.is_empty &= not packet.size
        if packet.is_discard:
            self._hide(packet)
        if shown is None or not packet.size or packet.is_discard:
            return
        self.is_cut_inside |= self._goes_back and not packet.is_keyframe
        self._goes_back = False
        length = packet.duration if packet.duration and 0 < packet.duration <= self._hold else 0
        entry = number, order, packet.dts if packet.dts is not None else shown, shown, length, other
        if self._doubtful is not None:
            if self._jumps(entry):  # which confirms it
                self._begin(self._doubtful)
            self._doubtful = None
        if not self._runs:
            self._begin(entry)
        elif self._jumps(entry):
            self._doubtful = entry
        else:
            self._take(entry)

    def _hide(self, packet: Any) -> None:
        """Take note of a packet that an edit list hides: behind a cut it goes back to a key frame."""
        if self._runs and packet.dts is not None:
            self._goes_back |= self._hidden is not None and packet.dts < self._hidden
            self._hidden = packet.dts

    def runs(self) -> list[Run]:
        """After the last packet. Raises SourceRefused: no usable time stamps, too few pictures."""
        self.steps.end_run()
        if len(self._runs) > 2 and 2 * len(self._runs) > self.packets:
            raise SourceRefused(
                "probe",
                NO_STAMPS,
                f"those of the {NAMES[self.kind]} jump {len(self._runs) - 1} times in {self.packets} packets",
            )
        if self.steps.far > 1 and self.steps.far >= self.steps.near:
            far, of = self.steps.far, self.steps.far + self.steps.near
            raise SourceRefused(
                "probe",
                "too few pictures",
                f"{far} of {of} come more than {float(MAX_HOLD_S)} s after the one before",
            )
        if self.steps.none > max(1, MAX_SAME_TIME * (self.steps.near + self.steps.far)):
            same, of = self.steps.none, self.steps.none + self.steps.near + self.steps.far + 1
            raise SourceRefused("probe", NO_STAMPS, f"{same} of {of} pictures are due with the one before")
        if self.steps.mean_s and self.steps.mean_s * MAX_FPS < 1:
            raise SourceRefused("probe", NO_STAMPS, f"pictures are {float(self.steps.mean_s):.2g} s apart")
        usual, tick_s = self.steps.usual_s or Fraction(0), self.time_base
        return [
            Run(
                run.first_packet,
                run.order,
                run.start * tick_s,
                run.last * tick_s + (run.last_length * tick_s or usual),
                run.other_s,
            )
            for run in self._runs
        ]

    def _jumps(self, entry: Entry) -> bool:
        """Whether it is shown much later than the one before, or decoded and shown again before it."""
        _, _, stamp, shown, *_ = entry
        run = self._runs[-1]
        if self._last - stamp > self._back and run.last - shown > self._back:
            return True
        return abs(shown - run.last) > self._wild

    def _begin(self, entry: Entry) -> None:
        packet, order, _, shown, length, other = entry
        if len(self._runs) > MAX_JUMPS:
            raise SourceRefused(
                "probe", NO_STAMPS, f"those of the {NAMES[self.kind]} jump more than {MAX_JUMPS} times"
            )
        other_s = None if other is None else other[0] * other[1]
        self._runs.append(_OpenRun(packet, order, other_s, shown, shown, length))
        self.steps.end_run()
        self._take(entry)

    def _take(self, entry: Entry) -> None:
        _, _, stamp, shown, length, _ = entry
        run = self._runs[-1]
        run.start = min(run.start, shown)
        if shown >= run.last:
            run.last, run.last_length = shown, length
        self._last = stamp
        if self.kind == "video":
            self.steps.see(shown)


class Steps:
    """How far images are apart, in the order in which they are shown.

    none, near, far: number of images of the same time as the one before, of steps up to MAX_HOLD_S, and of
        longer ones.
    """

    def __init__(self, time_base: Fraction) -> None:
        self._time_base, self._hold = time_base, MAX_HOLD_S / time_base
        self._per_tick = float(time_base * STEPS_PER_S)
        self._waiting: list[int] = []
        self._before: int | None = None
        # number of steps, and ticks in all, by their length in 1/STEPS_PER_S s
        self._counts: Counter[int] = Counter()
        self._ticks: Counter[int] = Counter()
        self._total = self.none = self.near = self.far = 0

    def see(self, shown: int) -> None:
        heappush(self._waiting, shown)
        if len(self._waiting) > MAX_REORDER:
            self._step_to(heappop(self._waiting))

    def end_run(self) -> None:
        while self._waiting:
            self._step_to(heappop(self._waiting))
        self._before = None

    @property
    def mean_s(self) -> Fraction | None:
        """Mean step up to MAX_HOLD_S in seconds; None where there is none."""
        return self._total * self._time_base / self.near if self.near else None

    @property
    def usual_s(self) -> Fraction | None:
        """Mean of the steps that equal the commonest but for rounding; None where there is none."""
        usual = self._usual()
        return (
            sum(self._ticks[step] for step in usual) * self._time_base / sum(usual.values())
            if usual
            else None
        )

    @property
    def uneven(self) -> bool:
        """Whether more than one step, and more than one in a hundred, differs from the commonest."""
        return self.near - sum(self._usual().values()) > max(1, (1 - EVEN_SHARE) * self.near)

    def rate(self, stated: float) -> float:
        """Images a second; 0.0 for a single image.

        stated: the rate in the header, taken where the stamps agree with it. Else the stamps' own, rounded to
            a usual rate where it is one but for rounding.
        """
        if self.mean_s is None or self.usual_s is None:
            return 0.0
        if self.uneven:
            return float(1 / self.mean_s)
        measured = float(1 / self.usual_s)
        if abs(stated / measured - 1) < SAME_RATE:
            return stated
        usual = min(round(measured), round(measured * 1.001) / 1.001, key=lambda rate: abs(rate - measured))
        return usual if abs(usual / measured - 1) < ROUNDED_RATE else measured

    def _usual(self) -> dict[int, int]:
        most = max(self._counts, key=lambda step: self._counts[step], default=0)
        return {
            step: count for step, count in self._counts.items() if abs(step - most) <= EVEN_S * STEPS_PER_S
        }

    def _step_to(self, shown: int) -> None:
        before, self._before = self._before, shown
        if before is None:
            return
        if shown <= before:
            self.none += 1
        elif shown - before > self._hold:
            self.far += 1
        else:
            self.near, self._total = self.near + 1, self._total + shown - before
            step = round((shown - before) * self._per_tick)
            self._counts[step] += 1
            self._ticks[step] += shown - before
