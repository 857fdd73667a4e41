"""Face detectors by name; nothing is imported before one is opened
(``speechlip.faces.detectors.opening``)."""

from speechlip.plugins import Registry

DETECTORS = Registry(
    "detector",
    "speechlip.detectors",
    {
        "landmarker": "speechlip.faces.detectors.landmarker.detector:LandmarkerDetector",
        "mediapipe": "speechlip.faces.detectors.mediapipe_landmarker:MediapipeLandmarker",
        "face-alignment": "speechlip.faces.detectors.fan:FanDetector",
        "cascade": "speechlip.faces.detectors.cascade:CascadeDetector",
        "sidecar": "speechlip.faces.detectors.sidecar:SidecarDetector",
    },
    has=("has_landmarks", "detect", "close"),
    words=("auto",),
)
