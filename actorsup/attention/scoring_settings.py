"""Settings of scoring: the keys of a ``models:`` section that do not change the trained model."""

from typing import Annotated, Literal

from pydantic import Field

from actorsup.config.fields import Boolean, Count, Fraction, Number, affects, settings

_SCORE = affects("score_tubes", "score_tubes_by_epoch")


@settings
class ScoringSettings:
    """How a trained model scores the tubes of a video.

    Raises:
        ConfigError: A value that is not allowed.
    """

    class_score: Annotated[Literal["tube", "video", "class"], _SCORE] = "tube"
    """``tube``: softmax of the logits of a tube over the classes; ``video``: one softmax over all tubes
    and classes of a video; ``class``: sigmoid of each logit, for a model trained with
    ``label_loss: sigmoid``."""
    video_score: Annotated[Boolean, _SCORE] = False
    """Whether a score is multiplied by the score that the class has for the whole video."""
    score_frames: Annotated[Count | None, _SCORE] = None
    """Frames of a video that are scored, one from each of as many equal segments; null: as many as in
    training."""
    trim: Annotated[Number | None, Field(gt=0, lt=1), _SCORE] = None
    """Class probability at which tubes are cut in time; null does not cut."""
    trim_smooth: Annotated[Fraction, _SCORE] = 0.1
    """Width of the window that smooths the scores of frames before a cut, as a share of the video."""
    nms_iou: Annotated[Fraction | None, _SCORE] = None
    """Tube IoU above which only the better of two tubes is predicted for a class (ACT and MOC: 0.3); null
    predicts all, as the paper does."""
