"""What ``evaluation:`` in the configuration may say."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from actorsup.errors import ConfigError
from actorsup.evaluation.rules import Rules, rules_like

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.75)
"""IoU thresholds of the tables, unless others are asked for."""


@dataclass(frozen=True)
class EvaluationSettings:
    """The settings of the evaluation.

    Attributes:
        like: Name of a public evaluator whose rules hold instead of the six below; or None.
        interpolation: As in ``Rules``.
        matching: As in ``Rules``.
        strict: As in ``Rules``.
        nms_iou: As in ``Rules``.
        box_area: As in ``Rules``.
        duration: As in ``Rules``.
        iou_thresholds: Above 0 and at most 1; ``0.5:0.95`` is there beside them for precision.
        error_iou: IoU threshold of the error analysis.
        resamples: How many times the videos are drawn for confidence intervals.

    Raises:
        ConfigError: A value that is not allowed, or a rule beside ``like`` that is not its own.
    """

    like: str | None = None
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
        own = Rules(**{field.name: getattr(self, field.name) for field in fields(Rules)})
        if self.like is None:
            return
        for field in fields(Rules):
            value, theirs = getattr(own, field.name), getattr(self.rules, field.name)
            if value not in (field.default, theirs):
                raise ConfigError(
                    f"evaluation.{field.name}: {value!r}, but like: {self.like} has {theirs!r}; leave one out"
                )

    @property
    def rules(self) -> Rules:
        """How tubes are compared."""
        if self.like is not None:
            return rules_like(self.like)
        return Rules(**{field.name: getattr(self, field.name) for field in fields(Rules)})
