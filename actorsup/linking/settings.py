"""Settings of linkers and of the Siamese network's training.

Where the paper and Bertinetto et al. 2016 ("SiamFC") leave a choice, the choice is:

- The tracker is the three-scale variant of SiamFC ("multi-scale", Section 4.2); its constants are
  those of the authors' release.
- The exemplar is that of the seed's frame for the whole track, and the aspect ratio of the box is
  the seed's: SiamFC's.
- Crops are padded with the mean colour of the seed's frame, and cut where the box is, to a fraction
  of a pixel; the release rounds the corners of a crop to whole pixels.
- Bad scales are penalised by lowering their peak by a share of its size, so that a negative peak
  falls too; the release multiplies it, which would raise one.
- A target that leaves the frame is looked for where it left; its box is cut to the frame only when
  it is written.
- "High similarity" (Algorithm 1, line 10) is a box IoU strictly above ``filter_iou`` with the
  tube's uncut box in the detection's frame, whatever the detection's actor.
- Of detections of one score, that of the earliest frame is first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from actorsup.errors import ConfigError

TRUNK_NAMES = ("vgg16", "small")
MODES = ("exact", "shared")
PRECISIONS = ("float32", "bfloat16")
OPTIMIZERS = ("sgd", "adamw")
SCHEDULES = ("exponential", "cosine")


@dataclass(frozen=True)
class LinkerSettings:
    """One section of ``linkers:``.

    Attributes:
        type: ``siamese``, ``nanotrack``, ``static`` or ``viterbi``.
        detector: The section of the detector whose detections are linked; the plan reads it.
        tubes: The most tubes of a video, N (Algorithm 1).
        filter_iou: Detections that overlap a tube more than this are dropped (4.2).
        trunk: ``vgg16``, the first four blocks (4.2), or ``small``.
        weights: Where the network's weights come from; what fetches or trains them reads it.
        exemplar_size: Side of the exemplar's crop in pixels; None is the trunk's own: 127 as in
            SiamFC for ``vgg16``, 49 for ``small``.
        search_size: Side of the search region's crop in pixels, larger than the exemplar's by a
            multiple of the trunk's stride; None is the trunk's own: 255, 89.
        context: Margin around a box, of the mean of its sides, that its exemplar takes in.
        scales: How many sizes of a search region are tried, an odd number.
        seeds_ahead: Seeds of a video that are tracked together with the one that Algorithm 1 waits
            for: the same tubes, sooner where a GPU has room, or where frames are shared.
        mode: ``exact``, each search region through the trunk, or ``shared``, regions cut out of
            the features of whole frames: many times faster, and not the same tubes.
        precision: ``float32`` or ``bfloat16``, of the trunk: faster, and not the same tubes.
        size_step: For ``shared``, the ratio of one size that frames are encoded at to the next.
        feature_memory: For ``shared``, features that are kept at once, GiB; for ``exact`` on a GPU,
            frames that are kept there.
        scale_step: Ratio of one size to the next.
        scale_penalty: What is left of the peak of a size that is not the last one.
        scale_damping: Share of a change of size that is taken over.
        window_influence: Weight of the cosine window against the response.
        backbone: ONNX file of NanoTrack's backbone, for the type ``nanotrack``.
        head: ONNX file of NanoTrack's head.
        overlap_weight: For the type ``viterbi``, of the IoU of two detections in a row, against
            one's score.
        options: Settings of a type that another package adds, by name.

    Raises:
        ConfigError: A value that cannot be used.
    """

    type: str = "siamese"
    detector: str = ""
    tubes: int = 50
    filter_iou: float = 0.7
    trunk: str = "vgg16"
    weights: str = "published"
    exemplar_size: int | None = None
    search_size: int | None = None
    context: float = 0.5
    seeds_ahead: int = 0
    mode: str = "exact"
    precision: str = "float32"
    size_step: float = 2.0
    feature_memory: float = 1.0
    scales: int = 3
    scale_step: float = 1.0375
    scale_penalty: float = 0.9745
    scale_damping: float = 0.59
    window_influence: float = 0.176
    backbone: str = ""
    head: str = ""
    overlap_weight: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check_trunk(self.trunk)
        if self.mode not in MODES:
            raise ConfigError(f"mode: {self.mode!r}; allowed: {', '.join(MODES)}")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"precision: {self.precision!r}; allowed: {', '.join(PRECISIONS)}")
        if self.scales < 1 or self.scales % 2 == 0:
            raise ConfigError(f"scales: {self.scales}; allowed: an odd number, so that one is the last size")

    @classmethod
    def of_section(cls, section: Mapping[str, Any]) -> Self:
        """Of a section; what is no field of this class is an option of a type that another package adds."""
        names = {each.name for each in fields(cls)} - {"options"}
        options = {key: value for key, value in section.items() if key not in names}
        return cls(**{key: section[key] for key in section.keys() & names}, options=options)


@dataclass(frozen=True)
class SiameseTrainingSettings:
    """How a Siamese network is trained on pairs of frames.

    The paper does not say; the defaults are those of SiamFC's release (docs/linking.md has them side
    by side) except where docs/linking.md gives a measurement for another value.

    Attributes:
        trunk: As in ``LinkerSettings``, like the next three.
        exemplar_size: Pixels.
        search_size: Pixels. In ``training:`` it is the side of the search regions that are trained on;
            the network is fully convolutional, so that it may be smaller than the linker's.
        context: Of the mean side.
        start: Weights file that the trunk starts from; empty is random.
        last_relu: Whether the embedding of the VGG16 trunk ends in a ReLU; SiamFC's does not.
        frozen_blocks: Number of VGG16's first blocks whose weights stay as they are.
        epochs: Passes over the sequences; the checkpoint and a row of the curve come after each.
        pairs: Pairs of frames of each sequence in an epoch.
        batch: Pairs of a step.
        optimizer: ``adamw``, or ``sgd`` with momentum, as SiamFC's authors used it.
        momentum: Of SGD.
        schedule: How the learning rate falls: ``exponential``, from epoch to epoch by one ratio, or
            ``cosine``, from step to step to 0.
        learning_rate: In the first epoch. SiamFC's 0.01 is for SGD and a network with batch
            normalization; VGG16, which has none, does not learn at that rate.
        last_learning_rate: In the last epoch, for ``exponential``.
        weight_decay: Of the convolutions' weights.
        largest_gradient: Norm that larger gradients are scaled down to; None leaves them.
        gap: Most frames between the two of a pair.
        radius: Positions of the response this near to the target are positive, in cells of the
            response (SiamFC: 16 pixels, which are 2 cells).
        shift: Largest displacement of the target from the search region's middle, in cells.
        stretch: Largest change of a crop's size, as a share of it.
        jitter: Largest change of brightness and contrast, of their range.

    Raises:
        ConfigError: A value that cannot be used.
    """

    trunk: str = "vgg16"
    exemplar_size: int | None = None
    search_size: int | None = None
    context: float = 0.5
    start: str = ""
    last_relu: bool = False
    frozen_blocks: int = 0
    epochs: int = 50
    pairs: int = 16
    batch: int = 8
    optimizer: str = "adamw"
    momentum: float = 0.9
    schedule: str = "exponential"
    learning_rate: float = 0.0002
    last_learning_rate: float = 1e-5
    weight_decay: float = 0.0005
    largest_gradient: float | None = None
    gap: int = 100
    radius: float = 2.0
    shift: float = 3.0
    stretch: float = 0.05
    jitter: float = 0.2

    def __post_init__(self) -> None:
        _check_trunk(self.trunk)
        for name, allowed in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in allowed:
                raise ConfigError(f"{name}: {getattr(self, name)!r}; allowed: {', '.join(allowed)}")
        if self.frozen_blocks and self.trunk != "vgg16":
            raise ConfigError(f"frozen_blocks: {self.frozen_blocks}; allowed for the trunk {self.trunk}: 0")

    def learning_rate_of(self, epoch: int) -> float:
        """Learning rate of an epoch, counted from 0, of the exponential schedule."""
        if self.epochs == 1:
            return self.learning_rate
        return self.learning_rate * (self.last_learning_rate / self.learning_rate) ** (
            epoch / (self.epochs - 1)
        )

    @classmethod
    def of_section(cls, section: Mapping[str, Any]) -> Self:
        """Of a section of ``linkers:``, whose ``training:`` holds what differs from the defaults."""
        shared = ("trunk", "exemplar_size", "search_size", "context")
        return cls(**{key: section[key] for key in shared if key in section} | section.get("training", {}))


def _check_trunk(trunk: str) -> None:
    if trunk not in TRUNK_NAMES:
        raise ConfigError(f"trunk: {trunk!r}; allowed: {', '.join(TRUNK_NAMES)}")
