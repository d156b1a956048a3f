"""The rules of evaluation that public evaluators do not share, each by its name."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actorsup.errors import ConfigError, did_you_mean

INTERPOLATIONS = ("envelope", "trapezoid")
MATCHINGS = ("free", "voc")
BOX_AREAS = ("continuous", "plus_one")
DURATIONS = ("frames", "ends")
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.75)
"""Default IoU thresholds of the tables."""


def _one_of(key: str, value: str, allowed: Collection[str]) -> None:
    if value not in allowed:
        hint = did_you_mean(str(value), allowed)
        raise ConfigError(f"{key}: {value!r}; allowed: {', '.join(allowed)}{hint}")


@dataclass(frozen=True)
class EvaluationProtocol:
    """How tubes are compared with the ground truth, and precision with recall.

    Attributes:
        interpolation: ``envelope``: precision made monotone, the area under the steps (PASCAL VOC
            2010); ``trapezoid``: no envelope, trapezoids (Kalogeiton et al. 2017).
        matching: ``free``: a prediction takes the ground-truth tube with the best IoU among those
            that no better prediction has taken; ``voc``: it can take the best of all alone, and is
            wrong if that one is taken (PASCAL VOC's devkit).
        strict: The IoU must be above the threshold; by default the threshold itself is enough.
        nms_iou: Before the average precision, a tube that overlaps one of a higher score for a
            class by more than this is not predicted for that class. None: all are.
        box_area: ``continuous``: (x2 - x1) (y2 - y1); ``plus_one``: 1 is added to both sides.
        duration: Of temporal IoU. ``frames``: frames that both have, of those that either has;
            ``ends``: last frame less first frame, of what both span and of what either spans.

    Raises:
        ConfigError: A name that is not there, or an ``nms_iou`` out of range.
    """

    interpolation: str = "envelope"
    matching: str = "free"
    strict: bool = False
    nms_iou: float | None = None
    box_area: str = "continuous"
    duration: str = "frames"

    def __post_init__(self) -> None:
        _one_of("interpolation", self.interpolation, INTERPOLATIONS)
        _one_of("matching", self.matching, MATCHINGS)
        _one_of("box_area", self.box_area, BOX_AREAS)
        _one_of("duration", self.duration, DURATIONS)
        if self.nms_iou is not None and not 0 <= self.nms_iou <= 1:
            raise ConfigError(f"nms_iou: {self.nms_iou!r}; allowed: at least 0, at most 1, or none")

    def reaches(self, iou: NDArray, threshold: NDArray | float) -> NDArray[np.bool_]:
        """Whether an IoU is enough, element by element."""
        return np.asarray(iou > threshold if self.strict else iou >= threshold)


_ACT = EvaluationProtocol(interpolation="trapezoid", nms_iou=0.3, box_area="plus_one")
PROTOCOLS: Mapping[str, EvaluationProtocol] = {
    "act": _ACT,
    "moc": _ACT,
    "yowo": EvaluationProtocol(nms_iou=0.3, box_area="plus_one"),
    "retinanet": EvaluationProtocol(interpolation="trapezoid", box_area="plus_one"),
    "mmaction2": EvaluationProtocol(matching="voc", duration="ends"),
    "matlab": EvaluationProtocol(strict=True),
}
"""The rules of public evaluators, read off their code: ACT and MOC (caffe scripts of Kalogeiton et
al. 2017, and what MOC took over), YOWO, 3D-RetinaNet, mmaction2 (MultiSports), and the MATLAB code of
the corrected UCF101-24 annotations."""


def protocol_named(name: str) -> EvaluationProtocol:
    """The rules of a public evaluator: ``act``, ``moc``, ``yowo``, ``retinanet``, ``mmaction2``, ``matlab``.

    Raises:
        ConfigError: There is no such name.
    """
    _one_of("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
