"""``FeatureClock`` by the name under which encoders of other packages import it; new code takes
``speechlip.encoders.features.protocol``.
"""

from speechlip.encoders.features.protocol import FeatureClock as FeatureClock
