"""Evaluation protocols: rules in which public evaluators differ, and the protocols of six evaluators."""

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


def _check_choice(key: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        hint = did_you_mean(str(value), choices)
        raise ConfigError(f"{key}: {value!r}; allowed: {', '.join(choices)}{hint}")


@dataclass(frozen=True)
class EvaluationProtocol:
    """Rules of comparing tubes with the ground truth, and of integrating precision over recall.

    Attributes:
        interpolation: Area under the precision-recall curve. ``envelope``: monotone precision, area under
            the steps (PASCAL VOC 2010); ``trapezoid``: trapezoids without an envelope (Kalogeiton et al.
            2017).
        matching: Ground-truth tube that a prediction matches. ``free``: the tube with the highest IoU of
            those that no better prediction matches; ``voc``: the tube with the highest IoU of all, which
            makes the prediction a false positive if a better prediction matches the tube (PASCAL VOC devkit).
        strict: Whether the IoU of a match must be above the threshold; otherwise it may equal the threshold.
        nms_iou: Tube IoU above which per-class non-maximum suppression drops the prediction with the lower
            score, before the average precision. None to keep all predictions.
        box_area: ``continuous``: area (x2 - x1) * (y2 - y1); ``plus_one``: area
            (x2 - x1 + 1) * (y2 - y1 + 1).
        duration: Lengths in the temporal IoU. ``frames``: numbers of frames with a box in both tubes and in
            either tube; ``ends``: last frame minus first frame of the intersection and of the union.

    Raises:
        ConfigError: A rule has an unknown name, or ``nms_iou`` is not in [0, 1].
    """

    interpolation: str = "envelope"
    matching: str = "free"
    strict: bool = False
    nms_iou: float | None = None
    box_area: str = "continuous"
    duration: str = "frames"

    def __post_init__(self) -> None:
        _check_choice("interpolation", self.interpolation, INTERPOLATIONS)
        _check_choice("matching", self.matching, MATCHINGS)
        _check_choice("box_area", self.box_area, BOX_AREAS)
        _check_choice("duration", self.duration, DURATIONS)
        if self.nms_iou is not None and not 0 <= self.nms_iou <= 1:
            raise ConfigError(f"nms_iou: {self.nms_iou!r}; allowed: at least 0, at most 1, or none")

    def reaches(self, iou: NDArray, threshold: NDArray | float) -> NDArray[np.bool_]:
        """Return whether each IoU is high enough for a match at a threshold."""
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
"""Protocols of public evaluators, according to their code: ACT (the caffe scripts of Kalogeiton et al. 2017)
and MOC, which reuses these scripts; YOWO; 3D-RetinaNet; mmaction2 (MultiSports); and the MATLAB code of the
corrected UCF101-24 annotations."""


def protocol_named(name: str) -> EvaluationProtocol:
    """Return the protocol of a public evaluator, a key of ``PROTOCOLS``.

    Raises:
        ConfigError: The name is unknown.
    """
    _check_choice("protocol", name, PROTOCOLS)
    return PROTOCOLS[name]
