"""Settings of the evaluation."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Annotated, Literal

from pydantic import Field

from actorsup.config.fields import Boolean, Count, Fraction, Number, affects, settings
from actorsup.errors import ConfigError
from actorsup.evaluation.protocol import THRESHOLDS, EvaluationProtocol, protocol_named

_RECALL = ("evaluate_recall", "evaluate_linking")
_MAP = ("evaluate_map", "evaluate_ablation", "evaluate_epochs", "evaluate_actors")
_TABLES = (*_MAP, "evaluate_frames", "evaluate_intervals")
_CORLOC = "evaluate_corloc"
_ERRORS = ("evaluate_errors", "make_gallery")
_PAPER = "write_paper_item"
Threshold = Annotated[Number, Field(gt=0, le=1)]


@settings
class EvaluationSettings:
    """How tubes are compared with the ground truth.

    Raises:
        ConfigError: A value that is not allowed, or a rule that contradicts ``protocol``.
    """

    protocol: Annotated[
        Literal["act", "moc", "yowo", "retinanet", "mmaction2", "matlab"] | None,
        affects(*_RECALL, *_TABLES, _CORLOC, *_ERRORS, _PAPER),
    ] = None
    """Public evaluator whose protocol replaces the next six settings; ``matlab`` is the code of the corrected
    UCF101-24 annotations."""
    interpolation: Annotated[Literal["envelope", "trapezoid"], affects(*_TABLES, _PAPER)] = "envelope"
    """Area under the precision-recall curve: ``envelope`` (PASCAL VOC 2010) or ``trapezoid``."""
    matching: Annotated[Literal["free", "voc"], affects(*_TABLES, *_ERRORS, _PAPER)] = "free"
    """``free``: match the best unmatched ground truth; ``voc``: match the best overall, a false positive if
    already matched."""
    strict: Annotated[Boolean, affects(*_RECALL, *_TABLES, _CORLOC, *_ERRORS, _PAPER)] = False
    """Whether the IoU must be above the threshold; false: at or above."""
    nms_iou: Annotated[Fraction | None, affects(*_MAP, "evaluate_intervals", *_ERRORS, _PAPER)] = None
    """IoU threshold of tube non-maximum suppression within a class; null: no suppression."""
    box_area: Annotated[
        Literal["continuous", "plus_one"], affects(*_RECALL, *_TABLES, _CORLOC, *_ERRORS, _PAPER)
    ] = "continuous"
    """``plus_one`` adds one pixel to both sides of a box."""
    duration: Annotated[
        Literal["frames", "ends"],
        affects(*_RECALL, *_MAP, "evaluate_intervals", _CORLOC, *_ERRORS, _PAPER),
    ] = "frames"
    """Length of an interval in the temporal IoU: ``frames``: number of frames; ``ends``: last frame minus
    first frame."""
    iou_thresholds: Annotated[
        Sequence[Threshold],
        Field(min_length=1, json_schema_extra={"uniqueItems": True}),
        affects(*_RECALL, *_TABLES, _CORLOC),
    ] = THRESHOLDS
    """IoU thresholds of the tables; average precision is also given over 0.5:0.95. Paper: 4.1."""
    error_iou: Annotated[Threshold, affects(*_ERRORS, "write_report")] = 0.5
    """Minimum IoU of a correct tube in errors.csv."""
    resamples: Annotated[Count, affects("evaluate_intervals", _CORLOC)] = 1000
    """Bootstrap resamples of the videos, for the intervals of confidence_intervals.csv and of CorLoc."""

    def __post_init__(self) -> None:
        for field in fields(EvaluationProtocol):
            value, theirs = getattr(self, field.name), getattr(self.evaluation_protocol, field.name)
            if value not in (field.default, theirs):
                raise ConfigError(
                    f"evaluation.{field.name}: {value!r}, but protocol: {self.protocol} has {theirs!r}; "
                    "leave one out"
                )

    @property
    def evaluation_protocol(self) -> EvaluationProtocol:
        """The evaluation protocol."""
        if self.protocol is not None:
            return protocol_named(self.protocol)
        return EvaluationProtocol(
            **{field.name: getattr(self, field.name) for field in fields(EvaluationProtocol)}
        )
