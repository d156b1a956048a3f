"""Settings of data sets: one section class for each type."""

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field

from actorsup.config.fields import Boolean, Count, Integer, Names, Seeds, affects, settings

_TRUTH = affects("write_ground_truth", "write_annotated_frames")
_TABLES = (
    "evaluate_map", "evaluate_actors", "evaluate_frames", "evaluate_errors", "evaluate_intervals",
    "evaluate_ablation", "evaluate_epochs", "write_report",
)  # fmt: skip
_VIDEOS = affects("make_demo_videos", "decode_frames", indirect=True)


@settings
class DatasetSection:
    """What a ``datasets:`` section of every type has. The settings of a type are a subclass."""

    type: Annotated[str, _TRUTH]
    """Type of the data set."""
    actors: Annotated[Names, affects("detect_actors")]
    """COCO categories of the actors of interest; other detections are dropped."""
    linkers: Annotated[Names, affects("evaluate_recall", *_TABLES, "sum_cost", indirect=True)]
    """Sections of ``linkers:`` to run. A row of a table names one."""
    models: Annotated[Names, affects(*_TABLES, indirect=True)]
    """Sections of ``models:`` to run."""
    seeds: Annotated[Seeds, affects(*_TABLES, indirect=True)]
    """Seeds of training; each makes a row of the tables."""
    shards: Annotated[
        Integer, Field(ge=1, le=10_000), affects("write_video_table", "decode_frames", indirect=True)
    ]
    """Buckets that the videos are hashed into, fixed for the life of the data set. Half of them are for
    training videos, so that a new test video trains nothing again (docs/scale.md)."""


@settings
class VideoFolderSection(DatasetSection):
    """A data set whose videos lie below a folder."""

    root: Annotated[str, _TRUTH] = field(kw_only=True)
    """Folder of the videos. Its videos decide what is decoded, not its path."""
    absent_videos: Annotated[Literal["count", "leave_out"], affects("write_video_table", indirect=True)] = (
        "count"
    )
    """``count``: the ground truth of test videos that are not there counts as missed; ``leave_out``: the
    tables cover only the videos that are there."""


@settings
class PublishedSection(VideoFolderSection):
    """The types ``ucf_sports`` and ``a2d``: data sets as their authors publish them."""

    annotations: Annotated[str | None, _TRUTH] = None
    """Annotations, below ``root`` or elsewhere; null is where the authors put them."""


@settings
class Thumos13Section(PublishedSection):
    """The type ``thumos13`` (UCF101-24). Paper: 4.1."""

    split: Annotated[Literal[1, 2, 3], _TRUTH] = 1
    """Split of THUMOS13."""


@settings
class FolderSection(VideoFolderSection):
    """The type ``folder``: your own videos."""

    table: Annotated[str | None, _TRUTH] = None
    """CSV ``video,label,split``; null is unlabeled videos."""
    ground_truth: Annotated[str | None, _TRUTH] = None
    """Boxes, for evaluation only: a CSV, COCO JSON, CVAT XML or MOT text (docs/exchange.md)."""
    annotated: Annotated[str | None, _TRUTH] = None
    """CSV ``video,frame`` of the frames that have boxes; null is all of them."""
    classes: Annotated[Names | None, _TRUTH] = None
    """Names of the classes; null takes them from the table."""

    def __post_init__(self) -> None:
        if self.annotated is not None and self.ground_truth is None:
            raise ValueError("annotated needs 'ground_truth' too")


@settings
class DemoSection(DatasetSection):
    """The type ``demo``: videos that rules make."""

    train_videos: Annotated[Count, _VIDEOS] = field(kw_only=True)
    """Training videos; the six classes are equally frequent."""
    test_videos: Annotated[Count, _VIDEOS] = field(kw_only=True)
    """Test videos; the six classes are equally frequent."""
    frames: Annotated[Count, _VIDEOS] = 32
    """Length of a video. Unit: frames."""
    untrimmed: Annotated[Boolean, _VIDEOS] = False
    """Whether an action fills only a part of its video, and half of the videos have a second actor."""
    stills: Annotated[Count, affects("make_demo_images")] = 1600
    """Images that the detector is trained on."""
    sequences: Annotated[Count, affects("make_demo_sequences")] = 60
    """Sequences that the Siamese network is trained on."""
