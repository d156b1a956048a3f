"""Settings of linkers and of the training of the Siamese network.

Where the paper and Bertinetto et al. 2016 ("SiamFC") leave a choice, the choice is:

- The tracker is the three-scale variant of SiamFC ("multi-scale", Section 4.2); its constants are
  those of the authors' release.
- The exemplar is that of the seed frame for the whole track, and the aspect ratio of the box is
  that of the seed, as in SiamFC.
- Crops are padded with the mean color of the seed frame, and cut where the box is, to a fraction
  of a pixel; the release rounds the corners of a crop to whole pixels.
- A change of scale is penalized by lowering its peak by a share of its size, so that a negative peak
  falls too; the release multiplies the peak, which would raise a negative one.
- A target that leaves the frame is searched for where it left; its box is cut to the frame only when
  it is written.
- "High similarity" (Algorithm 1, line 10) is a box IoU strictly above ``filter_iou`` with the uncut
  box of the tube in the frame of the detection, whatever the actor of the detection.
- Among detections of equal score, the one of the earliest frame is first.
"""

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from actorsup.config.fields import (
    Boolean,
    Count,
    Fraction,
    Integer,
    Natural,
    NonNegative,
    Number,
    Positive,
    affects,
    settings,
)
from actorsup.errors import ConfigError

_LINK = affects("link_actors")
_BOTH = affects("link_actors", "train_siamese")
_TRAIN = affects("train_siamese")
_FILE = affects("link_actors", "sum_cost", "write_report")
_DATA = affects("train_siamese", indirect=True)
Trunk = Literal["vgg16", "small"]


@settings
class SiameseTrainingOptions:
    """How a Siamese network is trained on pairs of frames.

    The paper does not say. The defaults are those of SiamFC's release (docs/linking.md compares them)
    except where docs/linking.md gives a measurement for another value.
    """

    search_size: Annotated[Integer | None, Field(ge=32), _TRAIN] = None
    """Side of the search regions in training, which may be smaller than the linker's because the network is
    fully convolutional; the linker's if the key is omitted. Unit: pixels."""
    start: Annotated[str, _TRAIN] = ""
    """File of initial weights of the trunk; empty: random weights."""
    last_relu: Annotated[Boolean, _TRAIN] = False
    """Whether the embedding of the VGG16 trunk ends in a ReLU; that of SiamFC does not."""
    frozen_blocks: Annotated[Integer, Field(ge=0, le=3), _TRAIN] = 0
    """Number of leading blocks of VGG16 that are not trained."""
    epochs: Annotated[Count, _TRAIN] = 50
    """Passes over the sequences."""
    pairs: Annotated[Count, _TRAIN] = 16
    """Pairs of frames per sequence and epoch."""
    batch: Annotated[Count, _TRAIN] = 8
    """Batch size. Unit: pairs."""
    optimizer: Annotated[Literal["sgd", "adamw"], _TRAIN] = "adamw"
    """``adamw``, or ``sgd`` with momentum, as in SiamFC."""
    momentum: Annotated[Number, Field(ge=0, lt=1), _TRAIN] = 0.9
    """Momentum of SGD."""
    schedule: Annotated[Literal["exponential", "cosine"], _TRAIN] = "exponential"
    """Learning-rate schedule: ``exponential``, by a constant ratio from epoch to epoch, or ``cosine``, from
    step to step to 0."""
    learning_rate: Annotated[Positive, _TRAIN] = 0.0002
    """Initial learning rate. SiamFC's 0.01 is for SGD and a network with batch normalization; VGG16 has none
    and does not learn at that rate."""
    last_learning_rate: Annotated[Positive, _TRAIN] = 1e-5
    """Learning rate of the last epoch with ``schedule: exponential``."""
    weight_decay: Annotated[NonNegative, _TRAIN] = 0.0005
    """Weight decay of the convolution weights."""
    largest_gradient: Annotated[Positive | None, _TRAIN] = None
    """L2 norm to which larger gradients are clipped; null: no clipping."""
    gap: Annotated[Natural, _TRAIN] = 100
    """Maximum distance between the two frames of a pair. Unit: frames."""
    radius: Annotated[Positive, _TRAIN] = 2.0
    """Positions of the response are positive up to this distance from the target (SiamFC: 16 pixels, which is
    2 cells). Unit: cells of the response."""
    shift: Annotated[NonNegative, _TRAIN] = 3.0
    """Maximum displacement of the target from the center of the search region. Unit: cells of the
    response."""
    stretch: Annotated[Number, Field(ge=0, lt=1), _TRAIN] = 0.05
    """Maximum change in the size of a crop, as a share of the size."""
    jitter: Annotated[Fraction, _TRAIN] = 0.2
    """Maximum change of brightness and contrast, as a share of their range."""


@settings
class SiameseTrainingSection(SiameseTrainingOptions):
    """The section ``training:`` of a linker of the type ``siamese``."""

    sequences: Annotated[str | None, _DATA] = None
    """Folder of training sequences, as the authors of GOT-10k or ALOV300++ publish them."""
    images: Annotated[str | None, _DATA] = None
    """Folder of training images, instead of or in addition to sequences."""
    annotations: Annotated[str | None, _DATA] = None
    """COCO annotations of the training images."""
    held_out: Annotated[str | None, _DATA] = None
    """Folder of sequences that are not trained on but tracked after each epoch."""

    def __post_init__(self) -> None:
        for name, other in (("images", "annotations"), ("annotations", "images")):
            if getattr(self, name) is not None and getattr(self, other) is None:
                raise ValueError(f"{name} needs {other!r} too")
        if self.sequences is None and self.images is None:
            raise ValueError("lacks sequences or images")


@settings
class LinkerSection:
    """What a ``linkers:`` section of every type has. The settings of a type are a subclass."""

    type: Annotated[str, _LINK]
    """Type of the linker."""
    detector: Annotated[str, _FILE]
    """Section of the detector whose detections are linked."""
    tubes: Annotated[Count, affects("link_actors", "write_paper_item")] = 50
    """Maximum number of tubes per video, N; Section 4.3 goes to 50. Paper: 6.1."""


@settings
class TrackingSection(LinkerSection):
    """Algorithm 1 with a tracker."""

    filter_iou: Annotated[Fraction, _LINK] = 0.7
    """Detections are dropped if their IoU with a tube is above this threshold. Paper: 4.2."""
    seeds_ahead: Annotated[Natural, _LINK] = 0
    """Seeds of a video that are tracked speculatively, together with the current one: the same tubes, sooner
    on a GPU with free memory or with ``mode: shared``."""


@settings
class SiameseSection(TrackingSection):
    """The type ``siamese``. Constants without a section of the paper are those of SiamFC."""

    trunk: Annotated[Trunk, _BOTH] = "vgg16"
    """Embedding network: ``vgg16`` (its first four convolutional blocks) or ``small``. Paper: 4.2."""
    weights: Annotated[str, _FILE] = "published"
    """``published`` (ImageNet; nobody publishes a SiamFC with VGG16), ``trained`` (as ``training:`` says),
    ``random``, or a file."""
    exemplar_size: Annotated[Integer | None, Field(ge=16), _BOTH] = None
    """Side of the exemplar crop; null: 127 for ``vgg16``, as in SiamFC, and 49 for ``small``. Unit:
    pixels."""
    search_size: Annotated[Integer | None, Field(ge=32), _BOTH] = None
    """Side of the search region: ``exemplar_size`` plus a multiple of the stride of the trunk; null: 255 for
    ``vgg16``, as in SiamFC, and 89 for ``small``. Unit: pixels."""
    context: Annotated[NonNegative, _BOTH] = 0.5
    """Margin around the box in the exemplar, as a share of the mean of its sides."""
    mode: Annotated[Literal["exact", "shared"], _LINK] = "exact"
    """``exact``: encode each search region; ``shared``: crop search regions from the features of whole
    frames, which is many times faster but gives other tubes."""
    precision: Annotated[Literal["float32", "bfloat16"], _LINK] = "float32"
    """Precision of the trunk; ``bfloat16`` is faster but gives other tubes."""
    size_step: Annotated[Number, Field(gt=1), _LINK] = 2.0
    """With ``mode: shared``: ratio of consecutive sizes at which frames are encoded."""
    feature_memory: Annotated[Positive, _LINK] = 1.0
    """Memory for features (``mode: shared``) or for frames on a GPU (``mode: exact``). Unit: GiB."""
    scales: Annotated[Count, _LINK] = 3
    """Number of sizes of the search region to try; odd, so that one is the last size. Paper: 4.2."""
    scale_step: Annotated[Number, Field(gt=1), _LINK] = 1.0375
    """Ratio of consecutive sizes of the search region."""
    scale_penalty: Annotated[Fraction, _LINK] = 0.9745
    """Penalty of the response at a size that differs from the last one; 1: no penalty."""
    scale_damping: Annotated[Fraction, _LINK] = 0.59
    """Share of a change in size that is applied."""
    window_influence: Annotated[Fraction, _LINK] = 0.176
    """Weight of the cosine window relative to the response."""
    training: Annotated[SiameseTrainingSection | None, affects("train_siamese")] = None
    """Training data and hyperparameters, for ``weights: trained``."""

    def __post_init__(self) -> None:
        if self.scales % 2 == 0:
            raise ConfigError(f"scales: {self.scales}; allowed: an odd number, so that one is the last size")
        if self.exemplar_size and self.search_size and self.search_size <= self.exemplar_size:
            allowed = f"above exemplar_size, {self.exemplar_size}"
            raise ConfigError(f"search_size: {self.search_size} is out of range; allowed: {allowed}")


@settings
class NanotrackSection(TrackingSection):
    """The type ``nanotrack``."""

    backbone: Annotated[str, _FILE] = field(kw_only=True)
    """ONNX file of the backbone."""
    head: Annotated[str, _FILE] = field(kw_only=True)
    """ONNX file of the head."""


@settings
class ViterbiSection(LinkerSection):
    """The type ``viterbi``."""

    overlap_weight: Annotated[NonNegative, _LINK] = 1.0
    """Weight of the IoU of consecutive detections relative to the score of a detection. Paper: 4.3."""


@settings
class LinkerSettings(SiameseSection, NanotrackSection, ViterbiSection):
    """What a linker of any type is built with.

    Raises:
        ConfigError: A value that is not allowed.
    """

    type: Annotated[str, _LINK] = "siamese"
    """Type of the linker."""
    detector: Annotated[str, _LINK] = ""
    """Section of the detector whose detections are linked."""
    backbone: Annotated[str, _LINK] = ""
    """ONNX file of the backbone of NanoTrack."""
    head: Annotated[str, _LINK] = ""
    """ONNX file of the head of NanoTrack."""
    options: Annotated[Mapping[str, Any], affects()] = field(default_factory=dict)
    """The whole section, for a type with settings of its own."""

    @classmethod
    def of_section(cls, section: Mapping[str, Any]) -> Self:
        """Return the settings of a ``linkers:`` section."""
        names = {each.name for each in fields(cls)} - {"options"}  # type: ignore[arg-type]
        return cls(**{key: section[key] for key in section.keys() & names}, options=section)


@settings
class SiameseTrainingSettings(SiameseTrainingOptions):
    """How a network is trained: the options of ``training:`` and the geometry of the linker.

    Raises:
        ConfigError: A value that is not allowed.
    """

    trunk: Annotated[Trunk, _TRAIN] = "vgg16"
    """As in ``SiameseSection``, like the next two."""
    exemplar_size: Annotated[Integer | None, Field(ge=16), _TRAIN] = None
    """Side of the crop of the exemplar. Unit: pixels."""
    context: Annotated[NonNegative, _TRAIN] = 0.5
    """Margin around a box in its exemplar, as a share of the mean of its sides."""

    def __post_init__(self) -> None:
        if self.frozen_blocks and self.trunk != "vgg16":
            raise ConfigError(f"frozen_blocks: {self.frozen_blocks}; allowed for the trunk {self.trunk}: 0")

    def learning_rate_of(self, epoch: int) -> float:
        """Return the learning rate of an epoch, counted from 0, of the exponential schedule."""
        if self.epochs == 1:
            return self.learning_rate
        return self.learning_rate * (self.last_learning_rate / self.learning_rate) ** (
            epoch / (self.epochs - 1)
        )

    @classmethod
    def of_section(cls, section: Mapping[str, Any]) -> Self:
        """Return the settings of a ``linkers:`` section, whose ``training:`` overrides the defaults."""
        shared = ("trunk", "exemplar_size", "search_size", "context")
        return cls(**{key: section[key] for key in shared if key in section} | section.get("training", {}))
