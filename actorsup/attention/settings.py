"""Settings of actor attention (Sections 3.2, 4.2 and 6.2).

Where the paper leaves a choice, the choice is:

- "Annealing the learning rate by a factor of 0.25 after five epochs" (6.2) is one drop;
  ``decay_repeats`` repeats it after every further five.
- Frames are scaled with the mean and deviation that 6.2 gives. These do not put values "between
  [-0.5, 0.5]", as 6.2 also says, but they are what the encoder was pre-trained with; ``pixels``
  selects that range instead.
- A class of a video with fewer than ``k`` tubes averages all of them.
- The labels of a video with several labels share its cross-entropy equally; ``label_loss: sigmoid``
  scores each label independently instead.
- "16 equally spaced frames" (4.2) are one random frame of each of 16 equal segments in training, and
  the middle frame of each segment in testing, as in the segments of its reference [40].
- A tube that is absent from a frame does not count in its average over time, and a tube that is in
  none of the sampled frames counts as no tube.
- Features are classified at one L2 norm (``feature_norm``), as SSD normalizes the features of conv4_3
  (Liu et al. 2016), also to 20. The paper does not say so, but with the raw features of VGG16, whose
  norm is in the hundreds, its learning rate does not learn (docs/attention.md).
- Weight decay applies to the weights of the classification layer, not to its bias.
"""

from typing import Annotated, Literal

from pydantic import Field

from actorsup.config.fields import (
    Boolean,
    Count,
    Fraction,
    Integer,
    NonNegative,
    Number,
    Positive,
    affects,
    settings,
)
from actorsup.errors import ConfigError

_TRAIN = affects("train_attention")


@settings
class AttentionSettings:
    """How a model is built and trained: the keys of a ``models:`` section that change its weights.

    Raises:
        ConfigError: A value that is not allowed.
    """

    encoder: Annotated[str, _TRAIN] = "vgg16"
    """``vgg16`` (its convolutional stages), ``small``, or a torchvision network for images or videos. Paper:
    4.2."""
    weights: Annotated[str, _TRAIN] = "published"
    """Initial weights of the encoder: ``published`` (ImageNet), ``random``, ``detector:NAME`` (the trunk of
    that detector), or a file. Paper: 4.2."""
    train_encoder: Annotated[Boolean, _TRAIN] = True
    """Whether to train the encoder too; false computes its features once and reuses them in each epoch.
    Paper: 6.2."""
    draws: Annotated[Count, _TRAIN] = 8
    """With ``train_encoder: false``: random choices of frames and flips per video, which the epochs use in
    turn."""
    pixels: Annotated[Literal["imagenet", "half"], _TRAIN] = "imagenet"
    """Scale of pixel values: ``imagenet`` (the mean and deviation of 6.2; a video encoder uses its own) or
    ``half`` ([-0.5, 0.5]). Paper: 6.2."""
    shorter_side: Annotated[Integer, Field(ge=32), _TRAIN] = 240
    """Shorter side of a resized frame, which the paper does not give. Ignored by encoders of a fixed input
    size. Unit: pixels."""
    grid: Annotated[Count, _TRAIN] = 5
    """Sampling points along each side of a box: 5 for 5x5. Paper: 4.2."""
    tubes: Annotated[Count, _TRAIN] = 20
    """Maximum number of tubes per training video, best first. Paper: 4.2."""
    selection: Annotated[Literal["top_k", "noisy_or", "log_sum_exp"], _TRAIN] = "top_k"
    """How a class combines its ``k`` most relevant tubes. Paper: 3.2."""
    k: Annotated[Count, _TRAIN] = 12
    """Number of tubes that a class averages: its most relevant ones; at most ``tubes``. Paper: 4.2."""
    k_last: Annotated[Count | None, _TRAIN] = None
    """``k`` in the last epoch, approached linearly; null: ``k`` in all epochs."""
    frames: Annotated[Count, _TRAIN] = 16
    """Frames sampled per video, one from each of as many equal segments. Paper: 4.2."""
    snippet: Annotated[Count, _TRAIN] = 1
    """Consecutive frames around each sampled frame; more than 1 for video encoders."""
    snippet_step: Annotated[Count, _TRAIN] = 1
    """Distance between consecutive frames of a snippet. Unit: frames."""
    frame_share: Annotated[Number, Field(gt=0, le=1), _TRAIN] = 1.0
    """Share of the frames of a tube that count for a class: the highest-scoring ones. Paper: 3.2."""
    label_loss: Annotated[Literal["softmax", "sigmoid"], _TRAIN] = "softmax"
    """``softmax``: cross-entropy over the classes; ``sigmoid``: binary cross-entropy of each class. Paper:
    6.2."""
    uncertainty: Annotated[Boolean, _TRAIN] = False
    """Whether the network learns how much to trust the label of each video."""
    batch: Annotated[Count, _TRAIN] = 4
    """Batch size. Unit: videos. Paper: 4.2."""
    at_once: Annotated[Count, _TRAIN] = 1
    """Videos of a batch that pass through the network together; gradients are accumulated over the batch."""
    precision: Annotated[Literal["float32", "bfloat16"], _TRAIN] = "float32"
    """Precision of the encoder; ``bfloat16`` is mixed precision."""
    epochs: Annotated[Count, affects("train_attention", "evaluate_epochs")] = 30
    """Passes over the training videos. Paper: 6.2."""
    learning_rate: Annotated[Positive, _TRAIN] = 0.001
    """Initial learning rate of SGD. Paper: 6.2."""
    learning_rate_decay: Annotated[Number, Field(gt=0, le=1), _TRAIN] = 0.25
    """Factor by which the learning rate drops. Paper: 6.2."""
    decay_after: Annotated[Count, _TRAIN] = 5
    """Epochs before the learning rate drops. Paper: 6.2."""
    decay_repeats: Annotated[Boolean, _TRAIN] = False
    """Whether the learning rate drops again after every further ``decay_after`` epochs."""
    momentum: Annotated[Number, Field(ge=0, lt=1), _TRAIN] = 0.95
    """Momentum of SGD. Paper: 6.2."""
    weight_decay: Annotated[NonNegative, _TRAIN] = 1e-4
    """Weight decay of the weights of the classification layer. Paper: 6.2."""
    feature_norm: Annotated[Literal["l2", "none"], _TRAIN] = "l2"
    """``l2``: scale the pooled features of a tube to the L2 norm ``feature_size``; ``none``: leave them
    unscaled."""
    feature_size: Annotated[Positive, _TRAIN] = 20.0
    """L2 norm of scaled features."""
    warm_up: Annotated[NonNegative, _TRAIN] = 0.0
    """Epochs over which the learning rate rises linearly from 0."""
    largest_gradient: Annotated[Positive | None, _TRAIN] = None
    """L2 norm to which larger gradients are clipped; null: no clipping."""
    flip: Annotated[Fraction, _TRAIN] = 0.5
    """Probability of a horizontal flip of all frames of a video. Paper: 6.2."""

    def __post_init__(self) -> None:
        if max(self.k, self.k_last or 1) > self.tubes:
            raise ConfigError(f"k: {max(self.k, self.k_last or 1)} is more than tubes, {self.tubes}")

    def learning_rate_of(self, epoch: int, share: float = 1.0) -> float:
        """Return the learning rate of an epoch, counted from 0, after ``share`` of its steps (6.2)."""
        drops = epoch // self.decay_after
        if not self.decay_repeats:
            drops = min(drops, 1)
        rise = min(1.0, (epoch + share) / self.warm_up) if self.warm_up else 1.0
        return self.learning_rate * self.learning_rate_decay**drops * rise

    def k_of(self, epoch: int) -> int:
        """Return how many tubes a class averages in an epoch, counted from 0."""
        if self.k_last is None or self.epochs == 1:
            return self.k
        return round(self.k + (self.k_last - self.k) * epoch / (self.epochs - 1))
