"""Settings of actor attention (Sections 3.2, 4.2 and 6.2).

Where the paper leaves a choice, the choice is:

- "Annealing the learning rate by a factor of 0.25 after five epochs" (6.2) is one drop;
  ``decay_repeats`` drops it again after every further five.
- Frames are scaled with the mean and deviation that 6.2 gives. They do not put values "between
  [-0.5, 0.5]", as it says too, but are what the encoder was pre-trained with.
- A class of a video with fewer than ``k`` tubes averages all of them.
- The labels of a video that has several share its cross-entropy equally.
- "16 equally spaced frames" (4.2) are one at random of each of 16 equal segments in training and
  the middle one in testing, as in the segments of its reference [40].
- A tube that is not there in a frame does not count in its average over time, and one that is in
  none of the frames that were taken counts as no tube.
- Weight decay is on the weights of the classification layer, not on its bias.
"""

from dataclasses import dataclass

from actorsup.errors import ConfigError

ENCODERS = ("vgg16", "small")


@dataclass(frozen=True)
class AttentionSettings:
    """One section of ``models:``.

    Attributes:
        encoder: ``vgg16``, its convolutional stages (4.2), or ``small``.
        weights: Where the encoder's first weights come from; what fetches or trains them reads it.
        shorter_side: Frames are resized until it is this, in pixels; the paper does not say.
        grid: Samples along each side of a box, 5 for 5x5 (4.2).
        tubes: The best tubes of a video that are trained on (4.2).
        k: The most relevant of them, which a class averages (4.2).
        frames: Of a video, one from each of as many equal segments (4.2).
        batch: Videos of a step (4.2).
        epochs: Passes over the videos (6.2).
        learning_rate: Of SGD at the start (6.2).
        learning_rate_decay: What is left of the learning rate after a drop (6.2).
        decay_after: Epochs before the drop (6.2).
        decay_repeats: Whether it drops again after every further ``decay_after`` epochs.
        momentum: Of SGD (6.2).
        weight_decay: Of the classification layer's weights alone (6.2).
        flip: Probability that all frames of a video and its boxes are flipped (6.2).

    Raises:
        ConfigError: A value that cannot be used.
    """

    encoder: str = "vgg16"
    weights: str = "published"
    shorter_side: int = 240
    grid: int = 5
    tubes: int = 20
    k: int = 12
    frames: int = 16
    batch: int = 4
    epochs: int = 30
    learning_rate: float = 0.001
    learning_rate_decay: float = 0.25
    decay_after: int = 5
    decay_repeats: bool = False
    momentum: float = 0.95
    weight_decay: float = 1e-4
    flip: float = 0.5

    def __post_init__(self) -> None:
        if self.encoder not in ENCODERS:
            raise ConfigError(f"encoder: {self.encoder!r}; allowed: {', '.join(ENCODERS)}")
        for name in ("shorter_side", "grid", "tubes", "k", "frames", "batch", "epochs", "decay_after"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}: {getattr(self, name)}; allowed: at least 1")
        if self.k > self.tubes:
            raise ConfigError(f"k: {self.k} is more than tubes, {self.tubes}")

    def learning_rate_of(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0 (6.2)."""
        drops = epoch // self.decay_after
        if not self.decay_repeats:
            drops = min(drops, 1)
        return self.learning_rate * self.learning_rate_decay**drops
