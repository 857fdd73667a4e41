"""One utterance by espeak-ng in a process of its own: ``python espeak.py < request.json``.

It needs the standard library only.

espeak-ng seeds its breath noise with the time of day, and carries other state from one utterance into the
next that no call of its interface resets: a seeded process that speaks once gives the same samples every
time.

Request (JSON): library, data, voice, rate (words/min), pitch (0–99), text. Answer: one line of JSON
(sample_rate, events ``[type, sample, text_position, length, ipa]``), then the samples as native int16.
"""

import ctypes
import json
import sys

# espeak-ng's speak_lib.h, version 1.52
RETRIEVAL = 1
PHONEME_EVENTS_IN_IPA = 0x0001 | 0x0002
CHARS_UTF8 = 1
RATE, PITCH = 1, 3
RANDOM_SEED = 1
LIST_TERMINATED, WORD, END, PHONEME = 0, 1, 5, 7


class Event(ctypes.Structure):
    """``espeak_EVENT``; the union ``id`` is read as its ``char string[8]``."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("string", ctypes.c_char * 8),
    ]


Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(Event))


def event_row(event: Event) -> list:
    ipa = event.string.decode("utf-8", "ignore") if event.type == PHONEME else ""
    return [event.type, event.sample, event.text_position, event.length, ipa]


def speak(library: str, data: str, voice: str, rate: int, pitch: int, text: str) -> tuple[int, list, bytes]:
    """Sample rate, events and int16 samples of ``text``. Raises RuntimeError where espeak-ng refuses."""
    lib = ctypes.CDLL(library)
    sample_rate = lib.espeak_Initialize(RETRIEVAL, 0, data.encode(), PHONEME_EVENTS_IN_IPA)
    if sample_rate <= 0:
        raise RuntimeError(f"espeak-ng does not start with the data in {data}")
    pcm, events = bytearray(), []

    def receive(samples, n_samples, batch) -> int:
        if samples and n_samples > 0:
            pcm.extend(ctypes.string_at(samples, 2 * n_samples))
        i = 0
        while batch[i].type != LIST_TERMINATED:
            events.append(event_row(batch[i]))
            i += 1
        return 0

    lib.espeak_ng_SetRandSeed(ctypes.c_long(RANDOM_SEED))
    callback = Callback(receive)
    lib.espeak_SetSynthCallback(callback)
    if lib.espeak_SetVoiceByName(voice.encode()):
        raise RuntimeError(f"espeak-ng has no voice {voice!r}")
    lib.espeak_SetParameter(RATE, rate, 0)
    lib.espeak_SetParameter(PITCH, pitch, 0)
    utf8 = text.encode()
    lib.espeak_Synth(utf8, ctypes.c_size_t(len(utf8) + 1), 0, 1, 0, CHARS_UTF8, None, None)
    lib.espeak_Synchronize()
    return sample_rate, events, bytes(pcm)


def main() -> None:
    sample_rate, events, pcm = speak(**json.loads(sys.stdin.buffer.read()))
    sys.stdout.buffer.write(json.dumps({"sample_rate": sample_rate, "events": events}).encode() + b"\n" + pcm)


if __name__ == "__main__":
    main()
