"""Settings of scoring: the keys of a ``models:`` section that training has no part in."""

from dataclasses import dataclass
from typing import Any

from actorsup.errors import ConfigError


@dataclass(frozen=True)
class ScoringSettings:
    """How the tubes of a video are scored, once a model is trained.

    Attributes:
        class_score: What average precision sorts by: ``tube``, the softmax of each tube's logits
            over the classes; ``video``, one softmax over all tubes and classes of the video, as
            its one label belongs to some of its tubes only; or ``class``, the sigmoid of each
            logit by itself, for a model that was trained so (``label_loss``).
        video_score: Whether it is multiplied by the class's score of the whole video.
        score_frames: Frames of a video that scores are made of, one from each of as many equal
            segments; None takes as many as training did.
        trim: If tubes are cut in time, too: the probability of a class above which a frame speaks
            for being in the cut, and below which against it (``trimming``); None cuts none.
        trim_smooth: Width of the window that frames' scores are smoothed with, as a share of the
            video.
        nms_iou: Of two tubes whose tube IoU is strictly above it, the one that scores less for a
            class is not predicted for it (ACT and MOC: 0.3); None predicts all, as the paper does.

    Raises:
        ConfigError: A value that cannot be used.
    """

    class_score: str = "tube"
    video_score: bool = False
    score_frames: int | None = None
    trim: float | None = None
    trim_smooth: float = 0.1
    nms_iou: float | None = None

    def __post_init__(self) -> None:
        allowed(self, "class_score", ("tube", "video", "class"))
        if self.trim is not None and not 0 < self.trim < 1:
            raise ConfigError(f"trim: {self.trim}; allowed: above 0, below 1, or null")


def allowed(settings: Any, name: str, values: tuple[str, ...]) -> None:
    """Refuse a setting that is none of these values.

    Raises:
        ConfigError: It is none.
    """
    if getattr(settings, name) not in values:
        raise ConfigError(f"{name}: {getattr(settings, name)!r}; allowed: {', '.join(values)}")


def at_least_one(settings: Any, *names: str) -> None:
    """Refuse settings below 1.

    Raises:
        ConfigError: One is.
    """
    for name in names:
        if getattr(settings, name) < 1:
            raise ConfigError(f"{name}: {getattr(settings, name)}; allowed: at least 1")
