"""What ``evaluation:`` in the configuration may say."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from actorsup.errors import ConfigError
from actorsup.evaluation.protocol import EvaluationProtocol, protocol_named

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.75)
"""IoU thresholds of the tables, unless others are asked for."""


@dataclass(frozen=True)
class EvaluationSettings:
    """The settings of the evaluation.

    Attributes:
        protocol: Name of a public evaluator whose rules hold instead of the six below; or None.
        interpolation: As in ``EvaluationProtocol``.
        matching: As in ``EvaluationProtocol``.
        strict: As in ``EvaluationProtocol``.
        nms_iou: As in ``EvaluationProtocol``.
        box_area: As in ``EvaluationProtocol``.
        duration: As in ``EvaluationProtocol``.
        iou_thresholds: Above 0 and at most 1; ``0.5:0.95`` is there beside them for precision.
        error_iou: IoU threshold of the error analysis.
        resamples: How many times the videos are drawn for confidence intervals.

    Raises:
        ConfigError: A value that is not allowed, or a rule that contradicts ``protocol``.
    """

    protocol: str | None = None
    interpolation: str = "envelope"
    matching: str = "free"
    strict: bool = False
    nms_iou: float | None = None
    box_area: str = "continuous"
    duration: str = "frames"
    iou_thresholds: Sequence[float] = THRESHOLDS
    error_iou: float = 0.5
    resamples: int = 1000

    def __post_init__(self) -> None:
        for threshold in (*self.iou_thresholds, self.error_iou):
            if not 0 < threshold <= 1:
                raise ConfigError(f"iou_thresholds: {threshold!r}; allowed: above 0, at most 1")
        if self.resamples < 1:
            raise ConfigError(f"resamples: {self.resamples!r}; allowed: at least 1")
        own = EvaluationProtocol(
            **{field.name: getattr(self, field.name) for field in fields(EvaluationProtocol)}
        )
        if self.protocol is None:
            return
        for field in fields(EvaluationProtocol):
            value, theirs = getattr(own, field.name), getattr(self.rules, field.name)
            if value not in (field.default, theirs):
                raise ConfigError(
                    f"evaluation.{field.name}: {value!r}, but protocol: {self.protocol} has {theirs!r}; "
                    "leave one out"
                )

    @property
    def rules(self) -> EvaluationProtocol:
        """How tubes are compared."""
        if self.protocol is not None:
            return protocol_named(self.protocol)
        return EvaluationProtocol(
            **{field.name: getattr(self, field.name) for field in fields(EvaluationProtocol)}
        )
