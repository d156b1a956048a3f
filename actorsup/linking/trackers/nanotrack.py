"""The type ``nanotrack``: NanoTrack v2, a small Siamese tracker with published weights, through OpenCV."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.images import Image
from actorsup.errors import ConfigError, DataError
from actorsup.linking.base import TrackerType
from actorsup.linking.frame_tracker import FrameTracker
from actorsup.linking.settings import NanotrackSection

# cv2.utils.logging exists in OpenCV 5; OpenCV 4 has its functions in cv2
_LOGGING = getattr(cv2.utils, "logging", cv2)
_ERRORS = 2


class NanoTracker(FrameTracker):
    """NanoTrack through ``cv2.TrackerNano``.

    Boxes are whole pixels of any aspect ratio. The score is NanoTrack's.

    Args:
        backbone: ONNX file of the backbone.
        head: ONNX file of the neck and head.

    Raises:
        ConfigError: A file does not exist.
        DataError: OpenCV cannot load the files as NanoTrack.
    """

    def __init__(self, backbone: str | Path, head: str | Path) -> None:
        for name, path in (("backbone", backbone), ("head", head)):
            if not Path(path).is_file():
                raise ConfigError(f"{name}: no such file: {path}; name NanoTrack's ONNX file")
        parameters = cv2.TrackerNano_Params()  # type: ignore[attr-defined]
        parameters.backbone, parameters.neckhead = str(backbone), str(head)
        # OpenCV's new engine warns that it does not support targets, even if none is requested
        level = _LOGGING.getLogLevel()
        _LOGGING.setLogLevel(_ERRORS)
        try:
            # init() resets the tracker, so one serves all seeds
            self._tracker = cv2.TrackerNano_create(parameters)  # type: ignore[attr-defined]
        except cv2.error as error:
            raise DataError(f"{backbone}, {head}: not the two networks of NanoTrack ({error.err})") from error
        finally:
            _LOGGING.setLogLevel(level)

    def init(self, frame: Image, box: NDArray[np.float32]) -> None:
        """Start tracking a target."""
        x1, y1, x2, y2 = map(float, box)
        whole = (int(x1), int(y1), max(2, int(x2 - x1)), max(2, int(y2 - y1)))
        self._tracker.init(_bgr(frame), whole)

    def update(self, frame: Image) -> tuple[Sequence[float], float]:
        """Find the target in the next frame."""
        _, (x, y, width, height) = self._tracker.update(_bgr(frame))
        return (x, y, x + width, y + height), min(max(self._tracker.getTrackingScore(), 0.0), 1.0)


def _bgr(image: Image) -> Image:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), np.uint8)


TYPE = TrackerType(
    lambda settings, weights, device: NanoTracker(settings.backbone, settings.head),
    NanotrackSection,
    files=("backbone", "head"),
)
