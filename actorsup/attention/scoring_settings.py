"""Settings of scoring: the keys of a ``models:`` section that do not change the trained model."""

from typing import Annotated, Literal

from pydantic import Field

from actorsup.config.fields import Boolean, Count, Fraction, Number, affects, settings

SCORING_RULES = ("score_tubes", "score_tubes_by_epoch", "score_training_videos")
"""Rules that score tubes with a trained model."""
_SCORE = affects(*SCORING_RULES)


@settings
class ScoringSettings:
    """How a trained model scores the tubes of a video.

    Raises:
        ConfigError: A value that is not allowed.
    """

    class_score: Annotated[Literal["tube", "video", "class"], _SCORE] = "tube"
    """``tube``: softmax over the classes for each tube; ``video``: one softmax over all tubes and classes of
    a video; ``class``: sigmoid of each logit, for models trained with ``label_loss: sigmoid``."""
    video_score: Annotated[Boolean, _SCORE] = False
    """Whether scores are multiplied by the score of the class for the whole video."""
    score_frames: Annotated[Count | None, _SCORE] = None
    """Frames scored per video, one from each of as many equal segments; null: as many as in training."""
    trim: Annotated[Number | None, Field(gt=0, lt=1), _SCORE] = None
    """Class probability above which frames show the action. For each class, a copy of a tube that is trimmed
    to the best span of such frames is added; null: no trimming."""
    trim_smooth: Annotated[Fraction, _SCORE] = 0.1
    """Width of the window that smooths frame scores before trimming, as a share of the video."""
    nms_iou: Annotated[Fraction | None, _SCORE] = None
    """IoU threshold of tube non-maximum suppression within a class (ACT and MOC: 0.3); null: no suppression,
    as in the paper."""
