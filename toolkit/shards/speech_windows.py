"""``SpeechWindows`` as speech networks elsewhere import it; new code takes
``speechlip.shards.pairs.speech_windows``.
"""

from speechlip.shards.pairs.speech_windows import SpeechWindows as SpeechWindows
