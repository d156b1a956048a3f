"""Settings of scoring: the keys of a ``models:`` section that training has no part in."""

from dataclasses import dataclass

from actorsup.errors import ConfigError

CLASS_SCORES = ("tube", "video")


@dataclass(frozen=True)
class ScoringSettings:
    """How the tubes of a video are scored, once a model is trained.

    Attributes:
        class_score: What average precision sorts by: ``tube``, the softmax of each tube's logits
            over the classes, or ``video``, one softmax over all tubes and classes of the video,
            as its one label belongs to some of its tubes only.
        nms_iou: Of two tubes whose tube IoU is strictly above it, the one that scores less for a
            class is not predicted for it (ACT and MOC: 0.3); None predicts all, as the paper does.

    Raises:
        ConfigError: A value that cannot be used.
    """

    class_score: str = "tube"
    nms_iou: float | None = None

    def __post_init__(self) -> None:
        if self.class_score not in CLASS_SCORES:
            raise ConfigError(f"class_score: {self.class_score!r}; allowed: {', '.join(CLASS_SCORES)}")
