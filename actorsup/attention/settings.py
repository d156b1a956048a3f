"""Settings of actor attention (Sections 3.2, 4.2 and 6.2).

Where the paper leaves a choice, the choice is:

- "Annealing the learning rate by a factor of 0.25 after five epochs" (6.2) is one drop;
  ``decay_repeats`` drops it again after every further five.
- Frames are scaled with the mean and deviation that 6.2 gives. They do not put values "between
  [-0.5, 0.5]", as it says too, but are what the encoder was pre-trained with; ``pixels`` takes
  the range instead.
- A class of a video with fewer than ``k`` tubes averages all of them.
- The labels of a video that has several share its cross-entropy equally; ``label_loss`` judges
  each by itself instead.
- "16 equally spaced frames" (4.2) are one at random of each of 16 equal segments in training and
  the middle one in testing, as in the segments of its reference [40].
- A tube that is not there in a frame does not count in its average over time, and one that is in
  none of the frames that were taken counts as no tube.
- Features are classified at one L2 norm (``feature_norm``), as SSD normalizes those of conv4_3 (Liu
  et al. 2016), also to 20. The paper does not say so, but from VGG16's raw features, whose norm is in
  the hundreds, its learning rate does not learn (docs/attention.md).
- Weight decay is on the weights of the classification layer, not on its bias.
"""

from dataclasses import dataclass

from actorsup.attention.scoring_settings import allowed, at_least_one
from actorsup.errors import ConfigError


@dataclass(frozen=True)
class AttentionSettings:
    """One section of ``models:``.

    Attributes:
        encoder: ``vgg16``, its convolutional stages (4.2), ``small``, or a network of torchvision
            for images or videos (``encoder.build_encoder``).
        weights: Where the encoder's first weights come from; what fetches or trains them reads it.
        train_encoder: Whether the encoder is trained too, as all layers are in 6.2.
        draws: With an encoder that is not trained: how many choices of frames and flips of a
            video there are. Epochs take turns, and what was pooled of one is kept.
        pixels: ``imagenet``: scaled with the mean and deviation of 6.2 (a video encoder's: of its
            own), or ``half``: to [-0.5, 0.5].
        shorter_side: Frames are resized until it is this, in pixels; the paper does not say.
            Encoders of one size only do not read it.
        grid: Samples along each side of a box, 5 for 5x5 (4.2).
        tubes: The best tubes of a video that are trained on (4.2).
        selection: How a class attends to them: ``top_k`` (3.2), ``noisy_or`` or ``log_sum_exp``.
        k: The most relevant of them, which a class averages (4.2).
        k_last: The same in the last epoch, linearly from ``k`` on; None is ``k`` throughout.
        frames: Of a video, one from each of as many equal segments (4.2).
        snippet: Frames in a row that are taken at each of them; more than one for video encoders.
        snippet_step: Frames from one of a snippet to the next.
        frame_share: Of a tube's frames, its highest ones of a class, that are averaged; 1 in 3.2.
        label_loss: ``softmax`` (6.2) or ``sigmoid``, each class by itself.
        uncertainty: Whether the network learns how far to trust a video's label.
        batch: Videos of a step (4.2).
        at_once: Of them, how many go through the network together; the gradient is accumulated.
        precision: Of the encoder: ``float32``, or ``bfloat16`` in mixed precision.
        epochs: Passes over the videos (6.2).
        learning_rate: Of SGD at the start (6.2).
        learning_rate_decay: What is left of the learning rate after a drop (6.2).
        decay_after: Epochs before the drop (6.2).
        decay_repeats: Whether it drops again after every further ``decay_after`` epochs.
        momentum: Of SGD (6.2).
        weight_decay: Of the classification layer's weights alone (6.2).
        feature_norm: ``l2``: the pooled features of a tube are scaled to the L2 norm ``feature_size``
            before they are classified; ``none``: they are classified as they are.
        feature_size: That norm.
        warm_up: Epochs over which the learning rate rises linearly from 0.
        largest_gradient: L2 norm that larger gradients are scaled down to; None leaves them.
        flip: Probability that all frames of a video and its boxes are flipped (6.2).

    Raises:
        ConfigError: A value that cannot be used.
    """

    encoder: str = "vgg16"
    weights: str = "published"
    train_encoder: bool = True
    draws: int = 8
    pixels: str = "imagenet"
    shorter_side: int = 240
    grid: int = 5
    tubes: int = 20
    selection: str = "top_k"
    k: int = 12
    k_last: int | None = None
    frames: int = 16
    snippet: int = 1
    snippet_step: int = 1
    frame_share: float = 1.0
    label_loss: str = "softmax"
    uncertainty: bool = False
    batch: int = 4
    at_once: int = 1
    precision: str = "float32"
    epochs: int = 30
    learning_rate: float = 0.001
    learning_rate_decay: float = 0.25
    decay_after: int = 5
    decay_repeats: bool = False
    momentum: float = 0.95
    weight_decay: float = 1e-4
    feature_norm: str = "l2"
    feature_size: float = 20.0
    warm_up: float = 0.0
    largest_gradient: float | None = None
    flip: float = 0.5

    def __post_init__(self) -> None:
        allowed(self, "selection", ("top_k", "noisy_or", "log_sum_exp"))
        allowed(self, "label_loss", ("softmax", "sigmoid"))
        allowed(self, "pixels", ("imagenet", "half"))
        allowed(self, "precision", ("float32", "bfloat16"))
        allowed(self, "feature_norm", ("l2", "none"))
        at_least_one(self, "draws", "shorter_side", "grid", "tubes", "k", "frames", "snippet", "snippet_step")
        at_least_one(self, "batch", "at_once", "epochs", "decay_after")
        if max(self.k, self.k_last or 1) > self.tubes:
            raise ConfigError(f"k: {max(self.k, self.k_last or 1)} is more than tubes, {self.tubes}")
        if not 0 < self.frame_share <= 1:
            raise ConfigError(f"frame_share: {self.frame_share}; allowed: above 0, at most 1")

    def learning_rate_of(self, epoch: int, share: float = 1.0) -> float:
        """Learning rate of an epoch, counted from 0, when ``share`` of its steps are done (6.2)."""
        drops = epoch // self.decay_after
        if not self.decay_repeats:
            drops = min(drops, 1)
        rise = min(1.0, (epoch + share) / self.warm_up) if self.warm_up else 1.0
        return self.learning_rate * self.learning_rate_decay**drops * rise

    def k_of(self, epoch: int) -> int:
        """Tubes that a class averages in an epoch, counted from 0."""
        if self.k_last is None or self.epochs == 1:
            return self.k
        return round(self.k + (self.k_last - self.k) * epoch / (self.epochs - 1))
