"""What public evaluators do differently: the choices, and the protocols of six of them."""

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
    """How to compare tubes with the ground truth, and precision with recall.

    Attributes:
        interpolation: ``envelope``: make precision monotone and take the area under the steps
            (PASCAL VOC 2010); ``trapezoid``: take trapezoids without an envelope (Kalogeiton et al.
            2017).
        matching: ``free``: a prediction matches the ground-truth tube with the best IoU among those
            that no better prediction has matched; ``voc``: it matches the best overall, and is a
            false positive if that one is already matched (PASCAL VOC's devkit).
        strict: The IoU must exceed the threshold; by default it may equal the threshold.
        nms_iou: Before the average precision, drop a tube's prediction of a class if the tube
            overlaps one of a higher score for the class by more than this. None: drop nothing.
        box_area: ``continuous``: (x2 - x1) (y2 - y1); ``plus_one``: add 1 to both sides.
        duration: How temporal IoU counts. ``frames``: frames with a box in both tubes, over those
            with a box in either; ``ends``: the same from last frame minus first frame of each span.

    Raises:
        ConfigError: An unknown name, or ``nms_iou`` out of range.
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
        """Whether an IoU is high enough, elementwise."""
        return np.asarray(iou > threshold if self.strict else iou >= threshold)


DEFAULT_PROTOCOL = EvaluationProtocol()
_ACT = EvaluationProtocol(interpolation="trapezoid", nms_iou=0.3, box_area="plus_one")
PROTOCOLS: Mapping[str, EvaluationProtocol] = {
    "act": _ACT,
    "moc": _ACT,
    "yowo": EvaluationProtocol(nms_iou=0.3, box_area="plus_one"),
    "retinanet": EvaluationProtocol(interpolation="trapezoid", box_area="plus_one"),
    "mmaction2": EvaluationProtocol(matching="voc", duration="ends"),
    "matlab": EvaluationProtocol(strict=True),
}
"""Protocols read off the code of public evaluators: ACT (the caffe scripts of Kalogeiton et al. 2017)
and MOC, which reuses them; YOWO; 3D-RetinaNet; mmaction2 (MultiSports); and the MATLAB code of the
corrected UCF101-24 annotations."""


def protocol_named(name: str) -> EvaluationProtocol:
    """Return the protocol of a public evaluator, a key of ``PROTOCOLS``.

    Raises:
        ConfigError: The name is unknown.
    """
    _one_of("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
