"""Batches of excerpts of segments whose audio and lips are those of the phones, or of other ones."""

import torch
from torch import nn

from speechlip.metrics.phones.classes import TABLE, VISEME_NUMBERS

SPOKEN = tuple(map(TABLE.index, ("P", "T", "K", "S", "F", "AA")))
"""Phones of six visemes."""
LENGTH, EACH = 20, 4
SEGMENTS = LENGTH // EACH


def segments(random, count=8, uneven=False):
    """Segments, without anything to hear or see, of four frames or of 1 to 16."""
    if uneven:
        cuts = [torch.randperm(LENGTH - 1, generator=random)[: SEGMENTS - 1] for _ in range(count)]
        cuts = torch.stack(cuts).sort(1).values + 1
    else:
        cuts = torch.arange(EACH, LENGTH, EACH).expand(count, -1)
    first, stop = nn.functional.pad(cuts, (1, 0)), nn.functional.pad(cuts, (0, 1), value=LENGTH)
    return {
        "n_frames": [LENGTH] * count,
        "phone": phones(random, count),
        "first": first,
        "stop": stop,
        "centre": (first + stop) / 2.0,
        "keys": [(f"clip-{number}",) * 2 for number in range(count)],
    }


def phones(random, count):
    return torch.tensor(SPOKEN)[torch.randint(len(SPOKEN), (count, SEGMENTS), generator=random)]


def excerpts(random, count=8, telling=True, n_frames=None, uneven=False):
    """Excerpts of such segments.

    telling: whether audio and lips are those of the phones; else audio is of other segments, and lips of
        others, so that not even their rhythm is shared.
    """
    said = segments(random, count, uneven)
    own = n_frames or said["n_frames"]
    heard, looks = (phones_of_frames(said if telling else segments(random, count, uneven)) for _ in range(2))
    patterns = torch.Generator().manual_seed(5)
    tones = torch.rand(len(TABLE), 257, generator=patterns)
    greys = torch.randint(0, 256, (22, 4, 4, 3), generator=patterns)
    columns = tones[heard.repeat_interleave(5, dim=1)]
    seen = greys[torch.tensor(VISEME_NUMBERS)[looks]]
    lips = seen.repeat_interleave(24, dim=2).repeat_interleave(24, dim=3)
    lips = lips + torch.randint(-20, 21, lips.shape, generator=random)
    batch = said | {
        "lips": torch.cat([lips[:, :1], lips[:, :1], lips, lips[:, -1:], lips[:, -1:]], dim=1)
        .clamp(0, 255)
        .to(torch.uint8),
        "spectrogram": (columns + 0.2 * torch.rand(columns.shape, generator=random)).half(),
        "n_frames": own,
        "lips_start": torch.zeros(count, dtype=torch.int64),
    }
    for number, length in enumerate(own):
        batch["lips"][number, length + 4 :] = 0
        batch["spectrogram"][number, 5 * length :] = 0
        batch["phone"][number, batch["first"][number] >= length] = -1
        batch["stop"][number] = batch["stop"][number].clamp(max=length)
    return batch


def phones_of_frames(said):
    """Segments → (B, T), the phone of each frame."""
    passed = torch.arange(LENGTH)[:, None] >= said["stop"][:, None]
    return said["phone"].gather(1, passed.sum(2))


def some_of(batch, chosen):
    """These excerpts of a batch."""
    return {
        name: value[chosen] if torch.is_tensor(value) else [value[number] for number in chosen]
        for name, value in batch.items()
    }


def padded(batch, frames, segments):
    """The same excerpts with so many more frames and segments that are none of theirs; garbage in them."""
    pad, more = nn.functional.pad, dict(batch)
    more["lips"] = pad(batch["lips"], (0, 0, 0, 0, 0, 0, 0, frames), value=99)
    more["spectrogram"] = pad(batch["spectrogram"], (0, 0, 0, 5 * frames), value=7.0)
    more["phone"] = pad(batch["phone"], (0, segments), value=-1)
    for name in ("first", "stop", "centre"):
        more[name] = pad(batch[name], (0, segments), value=3)
    return more
