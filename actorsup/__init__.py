"""Actor Supervision: spatiotemporal action localization learned from video-level labels.

The packages read in the order of the data: ``datasets``, ``frames``, ``detection``,
``linking``, ``attention``, ``evaluation``; none imports one that comes later. Shared ground
is ``boxes``, ``tubes``, ``storage`` and the small modules beside them.

Inside, boxes are float32 xyxy in pixels of the source frame, frames are 0-based and
intervals are half-open.

``load`` gives what predicts videos (docs/predict.md)::

    predictor = actorsup.load("demo")
    for tube in predictor.predict("video.mp4"):
        print(tube.action, tube.score, tube.seconds)
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """``load`` and what it gives, which need PyTorch: imported when they are first asked for."""
    if name in ("load", "Predictor", "Prediction", "PredictedTube"):
        return getattr(import_module("actorsup.predict"), name)
    raise AttributeError(f"module 'actorsup' has no attribute {name!r}")
