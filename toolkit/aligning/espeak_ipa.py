"""Text → IPA by espeak-ng in a process of its own: ``python espeak_ipa.py < request.json``.

It needs the standard library only. Request (JSON): library, data, voice, text. Answer: JSON, a list of
clauses; words of a clause are separated by spaces, phones of a word by ``_``.
"""

import ctypes
import json
import sys

# espeak-ng's speak_lib.h, version 1.52
RETRIEVAL = 1
CHARS_UTF8 = 1
IPA, SEPARATOR = 0x02, ord("_") << 8


def clauses(library: str, data: str, voice: str, text: str) -> list[str]:
    """IPA of ``text`` by clauses. Raises RuntimeError where espeak-ng refuses."""
    lib = ctypes.CDLL(library)
    lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
    if lib.espeak_Initialize(RETRIEVAL, 0, data.encode(), 0) <= 0:
        raise RuntimeError(f"espeak-ng does not start with the data in {data}")
    if lib.espeak_SetVoiceByName(voice.encode()):
        raise RuntimeError(f"espeak-ng has no voice {voice!r}")
    left = ctypes.c_char_p(text.encode())
    said = []
    while left.value:
        clause = lib.espeak_TextToPhonemes(ctypes.byref(left), CHARS_UTF8, IPA | SEPARATOR)
        said.append((clause or b"").decode("utf-8", "replace"))
    return said


def main() -> None:
    json.dump(clauses(**json.loads(sys.stdin.buffer.read())), sys.stdout)


if __name__ == "__main__":
    main()
