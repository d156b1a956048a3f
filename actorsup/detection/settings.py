"""Settings of actor detectors and of their training."""

from collections.abc import Mapping
from dataclasses import field, fields
from typing import Annotated, Any, Literal, Self

from pydantic import Field

from actorsup.config.fields import Count, Fraction, Integer, NonNegative, Number, Positive, affects, settings
from actorsup.formats.settings import BoxFormat, BoxUnit, FrameBase, FrameUnit

_DETECT = affects("detect_actors")
_BOTH = affects("detect_actors", "train_detector")
_TRAIN = affects("train_detector")
_FILE = affects("detect_actors", "sum_cost", "write_report")
Model = Literal[
    "ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "fasterrcnn_mobilenet_v3_large_fpn",
    "fasterrcnn_mobilenet_v3_large_320_fpn",
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
    "fcos_resnet50_fpn",
]


@settings
class DetectorTrainingOptions:
    """How a detector is trained on images with boxes."""

    width: Annotated[Integer, Field(ge=32), _TRAIN] = 160
    """Width to which ``small_ssd`` resizes images; other models have a fixed input size. Unit: pixels."""
    height: Annotated[Integer, Field(ge=32), _TRAIN] = 120
    """Height to which ``small_ssd`` resizes images. Unit: pixels."""
    epochs: Annotated[Count, _TRAIN] = 10
    """Passes over the images."""
    batch: Annotated[Count, _TRAIN] = 16
    """Batch size. Unit: images."""
    learning_rate: Annotated[Positive, _TRAIN] = 0.003
    """Maximum learning rate of AdamW: it rises during the first twentieth of the steps, then falls to 0 along
    a cosine."""
    weight_decay: Annotated[NonNegative, _TRAIN] = 0.01
    """Weight decay of AdamW."""
    flip: Annotated[Fraction, _TRAIN] = 0.5
    """Probability of a horizontal flip."""
    crop: Annotated[Number, Field(gt=0, le=1), _TRAIN] = 0.7
    """Minimum side of a random crop, as a share of the side of the image; 1: no crop."""
    jitter: Annotated[Fraction, _TRAIN] = 0.2
    """Maximum change of brightness and contrast, as a share of their range."""


@settings
class DetectorTrainingSettings(DetectorTrainingOptions):
    """How a network is trained: the options of ``training:`` and the network."""

    model: Annotated[str, _TRAIN] = "small_ssd"
    """``small_ssd``, or the name of a torchvision detection model."""

    @classmethod
    def of_section(cls, section: Mapping[str, Any]) -> Self:
        """Return the settings of a ``detectors:`` section, whose ``training:`` overrides the defaults."""
        trains = "small_ssd" if section["type"] == "small_ssd" else section.get("model", "ssd300_vgg16")
        return cls(model=trains, **section.get("training", {}))


@settings
class DetectorTrainingSection(DetectorTrainingOptions):
    """The section ``training:`` of a detector."""

    images: Annotated[str, affects("train_detector", indirect=True)] = field(kw_only=True)
    """Folder of the training images."""
    annotations: Annotated[str, affects("train_detector", indirect=True)] = field(kw_only=True)
    """COCO annotations of the training images."""


@settings
class DetectorSection:
    """What a ``detectors:`` section of every type has. The settings of a type are a subclass."""

    type: Annotated[str, _BOTH]
    """Type of the detector."""


@settings
class FilteredSection(DetectorSection):
    """A detector whose detections are filtered by score and overlap."""

    min_score: Annotated[Fraction, _DETECT] = 0.1
    """Detections of a lower score are dropped. The paper does not give the value."""
    nms_iou: Annotated[Fraction, _DETECT] = 0.6
    """IoU threshold of non-maximum suppression within a category. The paper does not give the value."""


@settings
class BatchedSection(DetectorSection):
    """A detector that takes several frames at once."""

    batch: Annotated[Count, _DETECT] = 8
    """Batch size. Unit: frames."""


@settings
class NetworkSection(BatchedSection, FilteredSection):
    """A detector that is a network."""

    weights: Annotated[str, _FILE] = "published"
    """``published`` (downloaded, with a verified checksum), ``trained`` (as ``training:`` says), ``random``,
    or a file."""


@settings
class TrainableSection(NetworkSection):
    """A detector that can be trained here."""

    training: Annotated[DetectorTrainingSection | None, affects("train_detector")] = None
    """Training data and hyperparameters, for ``weights: trained``."""


@settings
class TorchvisionSection(TrainableSection):
    """The type ``torchvision``."""

    model: Annotated[Model, _BOTH] = "ssd300_vgg16"
    """Name of the torchvision model. Paper: 4.2."""


@settings
class SuppliedSection(FilteredSection):
    """The type ``supplied``."""

    path: Annotated[str, _FILE] = field(kw_only=True)
    """File of the detections: a CSV table, COCO results JSON, MOT text or CVAT XML."""
    box_format: Annotated[BoxFormat | None, _DETECT] = None
    """The four numbers of a box: corners, corner and size, center and size, or swapped corners. null: as in
    the format of the file, and implausible boxes are reported."""
    box_unit: Annotated[BoxUnit | None, _DETECT] = None
    """Unit of the boxes: ``pixels``, ``fraction`` or ``percent`` of the frame, or the size of the frames they
    belong to, such as ``1280x720``. null: pixels, and implausible boxes are reported."""
    frame_base: Annotated[FrameBase | None, _DETECT] = None
    """Number of the first frame. null: as in the format of the file, and numbers that look otherwise are
    reported."""
    frame_unit: Annotated[FrameUnit | None, _DETECT] = None
    """Unit of the frames; times are converted by the video's rate. null: frames, and numbers that look like
    times are reported."""


@settings
class DetectorSettings(NetworkSection):
    """What a detector of any type is built with.

    Raises:
        ConfigError: A value that is not allowed.
    """

    type: Annotated[str, _BOTH] = "torchvision"
    """Type of the detector."""
    model: Annotated[str, _BOTH] = "ssd300_vgg16"
    """Name of the torchvision model, for the type ``torchvision``."""
    path: Annotated[str, _DETECT] = ""
    """The file of the type ``supplied``."""
    options: Annotated[Mapping[str, Any], affects()] = field(default_factory=dict)
    """The whole section, for a type with settings of its own."""

    @classmethod
    def of_section(cls, section: Mapping[str, Any]) -> Self:
        """Return the settings of a ``detectors:`` section."""
        names = {each.name for each in fields(cls)} - {"options"}  # type: ignore[arg-type]
        return cls(**{key: section[key] for key in section.keys() & names}, options=section)
