"""Settings of data sets: one section class for each type."""

from dataclasses import field
from typing import Annotated, Literal

from pydantic import Field

from actorsup.config.fields import Boolean, Count, Integer, Names, Natural, Seeds, affects, settings
from actorsup.formats.settings import BoxFormat, BoxUnit, FrameBase, FrameUnit

_TRUTH = ("write_ground_truth", "write_annotated_frames")
_VIDEOS = ("write_video_table", "collect_failures")
_SCORING = ("score_tubes", "score_tubes_by_epoch", "score_training_videos")
_LABELS = ("train_attention", *_SCORING)
_TABLES = (
    "evaluate_map", "evaluate_actors", "evaluate_frames", "evaluate_errors", "evaluate_intervals",
    "evaluate_ablation", "evaluate_epochs", "evaluate_corloc",
)  # fmt: skip
_LIST = affects(*_TRUTH, *_VIDEOS, *_LABELS, "decode_frames", "make_gallery", "sum_cost")
_DEMO = ("make_demo_videos", "decode_frames")


@settings
class DatasetSection:
    """What a ``datasets:`` section of every type has. The settings of a type are a subclass."""

    type: Annotated[str, affects(*_TRUTH)]
    """Type of the data set."""
    actors: Annotated[Names, affects("detect_actors")]
    """COCO categories of the actors of interest, such as ``person``; other detections are dropped."""
    linkers: Annotated[Names, affects("evaluate_recall", *_TABLES, "write_report", "sum_cost", indirect=True)]
    """Sections of ``linkers:`` to run, or variants of them such as ``siamese+scales=1``. The tables have rows
    for each."""
    models: Annotated[Names, affects(*_TABLES, "write_report", indirect=True)]
    """Sections of ``models:`` to run, or variants of them such as ``paper+k=1``. The tables have rows for
    each."""
    seeds: Annotated[Seeds, affects(*_TABLES, "write_report", indirect=True)]
    """Seeds of training. The tables have rows for each."""
    shards: Annotated[
        Integer,
        Field(ge=1, le=10_000),
        affects("write_video_table", "decode_frames", *_SCORING, "make_gallery", indirect=True),
    ]
    """Number of shards, about one per 32 videos (docs/scale.md); do not change it later. Half of them hold
    the training videos, so a new test video trains nothing again."""


@settings
class VideoFolderSection(DatasetSection):
    """A data set whose videos lie below a folder."""

    root: Annotated[str, affects(*_TRUTH, *_VIDEOS)] = field(kw_only=True)
    """Folder of the videos. If only the path changes, no video is decoded again."""
    absent_videos: Annotated[Literal["count", "leave_out"], affects("write_video_table", indirect=True)] = (
        "count"
    )
    """``count``: the ground truth of missing test videos counts as missed; ``leave_out``: the tables cover
    only the videos that exist."""


@settings
class PublishedSection(VideoFolderSection):
    """The types ``ucf_sports`` and ``a2d``: data sets as their authors publish them."""

    annotations: Annotated[str | None, affects(*_TRUTH)] = None
    """Annotations, below ``root`` or elsewhere; null: where the authors put them."""


@settings
class Thumos13Section(PublishedSection):
    """The type ``thumos13`` (UCF101-24). Paper: 4.1."""

    split: Annotated[Literal[1, 2, 3], _LIST] = 1
    """Split of THUMOS13."""


@settings
class FolderSection(VideoFolderSection):
    """The type ``folder``: your own videos."""

    table: Annotated[str | None, _LIST] = None
    """CSV table ``video,label,split``; null: the videos have no labels."""
    ground_truth: Annotated[str | None, affects(*_TRUTH)] = None
    """Boxes, for evaluation only: a CSV table, COCO JSON, CVAT XML or MOT text (docs/exchange.md); null:
    none."""
    annotated: Annotated[str | None, affects(*_TRUTH, "evaluate_recall", "evaluate_linking", *_TABLES)] = None
    """``boxes``: only frames with a box are annotated; ``all``: every frame is; or a CSV table
    ``video,frame`` of the annotated frames; null: those that ``ground_truth`` states, else all."""
    classes: Annotated[Names | None, affects(*_TRUTH, *_LABELS)] = None
    """Names of the classes; null: those of the table."""
    frame_names: Annotated[str | None, affects("decode_frames")] = None
    """Pattern of the names of frames in folders of images, such as ``img_*.jpg``; null: all images."""
    first_frame: Annotated[Natural | None, affects("decode_frames")] = None
    """Number of the first frame in the names of a folder of images; null: the smallest number."""
    frame_numbers: Annotated[Literal["names", "order"] | None, affects("decode_frames")] = None
    """Numbers of the frames in a folder of images: those in their ``names``, or their ``order``; null:
    ``names``, or ``order`` where the names have none, and unusual numbers are reported."""
    box_format: Annotated[BoxFormat | None, affects(*_TRUTH)] = None
    """The four numbers of a box in ``ground_truth``: corners, corner and size, center and size, or swapped
    corners. null: as in its format, and implausible boxes are reported."""
    box_unit: Annotated[BoxUnit | None, affects(*_TRUTH)] = None
    """Unit of the boxes: ``pixels``, ``fraction`` or ``percent`` of the frame, or the size of the frames they
    belong to, such as ``1280x720``. null: pixels, and implausible boxes are reported."""
    frame_base: Annotated[FrameBase | None, affects(*_TRUTH)] = None
    """Number of the first frame in ``ground_truth`` and ``annotated``. null: as in the format, and numbers
    that look otherwise are reported."""
    frame_unit: Annotated[FrameUnit | None, affects(*_TRUTH)] = None
    """Unit of the frames in ``ground_truth``; times are converted by the video's rate. null: frames, and
    numbers that look like times or another rate are reported."""

    def __post_init__(self) -> None:
        if self.annotated is not None and self.ground_truth is None:
            raise ValueError("annotated needs 'ground_truth' too")
        if self.annotated not in (None, "all") and self.frame_unit not in (None, "frames"):
            raise ValueError("annotated names frames, so frame_unit must be frames")


@settings
class DemoSection(DatasetSection):
    """The type ``demo``: videos that rules make."""

    train_videos: Annotated[
        Count, affects(*_DEMO, "write_video_table", *_LABELS, "make_gallery", "sum_cost", indirect=True)
    ] = field(kw_only=True)
    """Number of training videos; the six classes are equally frequent."""
    test_videos: Annotated[
        Count,
        affects(
            *_DEMO,
            "write_video_table",
            "score_tubes",
            "score_tubes_by_epoch",
            "make_gallery",
            "sum_cost",
            indirect=True,
        ),
    ] = field(kw_only=True)
    """Number of test videos; the six classes are equally frequent."""
    frames: Annotated[Count, affects(*_DEMO, indirect=True)] = 32
    """Length of a video. Unit: frames."""
    untrimmed: Annotated[
        Boolean, affects(*_DEMO, "write_video_table", "train_attention", "make_gallery", indirect=True)
    ] = False
    """Whether actions fill only a part of their video and half of the videos have a second actor."""
    stills: Annotated[Count, affects("make_demo_images")] = 1600
    """Number of images that the detector is trained on."""
    sequences: Annotated[Count, affects("make_demo_sequences")] = 60
    """Number of sequences that the Siamese network is trained on."""
