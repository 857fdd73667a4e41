"""``SpeechWindows`` as speech networks of other packages import it; new code takes ``speechlip.shards.pairs.speech_windows``."""

from speechlip.shards.pairs.speech_windows import SpeechWindows as SpeechWindows
