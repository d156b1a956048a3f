"""Actor Supervision: spatiotemporal action localization learned from video-level labels.

The packages of the pipeline, in the order of the data flow, are ``datasets``, ``frames``, ``detection``,
``linking``, ``attention`` and ``evaluation``; no package imports a later one. All of them use the modules
``boxes`` and ``tubes`` and the package ``artifacts``.

Boxes are float32 xyxy in pixels of the source frame, frame indices are 0-based, and intervals are half-open.

``load`` returns a predictor of actions in videos (docs/predict.md)::

    predictor = actorsup.load("demo")
    for tube in predictor.predict("video.mp4"):
        print(tube.action, tube.score, tube.seconds)
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """Import ``load`` and its result classes on first access, because they import PyTorch."""
    if name in ("load", "Predictor", "Prediction", "PredictedTube"):
        return getattr(import_module("actorsup.predict"), name)
    raise AttributeError(f"module 'actorsup' has no attribute {name!r}")
