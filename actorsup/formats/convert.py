"""Convert tubes between formats: ground-truth CSV, predictions, COCO JSON, MOT text and CVAT XML."""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pandas as pd

from actorsup.artifacts.atomic import open_text_atomically, write_text_atomically
from actorsup.errors import DataError, did_you_mean, first_few
from actorsup.formats.box_units import BoxFormat, FrameUnit
from actorsup.formats.coco_writing import write_coco
from actorsup.formats.convention_options import add_convention_options
from actorsup.formats.conventions import OPTION, BoxSource, Conventions, in_pixels_and_frames
from actorsup.formats.coverage import annotated_frames_of_rows, frames_to_name
from actorsup.formats.cvat_writing import write_cvat
from actorsup.formats.formats import (
    BOX_FORMAT_OF,
    FORMATS,
    detect_format,
    output_format_of_name,
    read_labeled,
)
from actorsup.formats.ground_truth_csv import read_ground_truth_rows
from actorsup.formats.labeled import (
    LabeledVideo,
    add_video_info,
    best_tubes,
    class_names,
    convert_units,
    ground_truth_table,
    read_video_info,
    videos_of_table,
)
from actorsup.formats.mot_writing import write_mot
from actorsup.formats.plausibility import check_table, check_videos, report
from actorsup.formats.predictions_json import ScoredVideo, write_predictions_json
from actorsup.formats.video_ids import video_id

_LOG = logging.getLogger(__name__)
_FORMAT_NAMES = {"mot": "MOT text", "cvat": "our CVAT XML", "predictions": "predictions.json"}


@dataclass(frozen=True)
class Conversion:
    """Options of a conversion.

    Attributes:
        source_format: Input format, one of ``FORMATS``; None infers it from the input's name or content.
        output_format: Output format, one of ``FORMATS``; None infers it from the output's name.
        name: Id of the input's only video, if the input lacks it.
        only_video: Id of the only video to write; None writes all videos.
        videos: Path of a table ``video,frames,fps,width,height`` with lengths, frame rates and sizes; None
            uses the values of the input.
        top: Maximum number of predicted tubes per video, chosen by score; None keeps all tubes.
        min_score: Minimum score of a predicted tube; None keeps all tubes.
        frame_base: Number of the first frame; None: as in the input's format, inferred in COCO and MOT.
        action: Class of the tracks in MOT input that have none.
        mot_origin: Coordinate of the first pixel's corner in MOT text. None: 0 for input with a
            ``labels.txt`` and for output, else 1.
        tolerance: Maximum error of interpolated boxes in CVAT output, in pixels; 0 writes every box.
        box_format: What the four numbers of a box are; None: as in the input's format.
        box_unit: Unit of these numbers, as in ``Conventions``; None: pixels.
        frame_unit: Unit of the frame numbers; None: frames.
    """

    source_format: str | None = None
    output_format: str | None = None
    name: str | None = None
    only_video: str | None = None
    videos: Path | None = None
    top: int | None = None
    min_score: float | None = None
    frame_base: int | None = None
    mot_origin: int | None = None
    action: str | None = None
    tolerance: float = 0.0
    box_format: BoxFormat | None = None
    box_unit: str | None = None
    frame_unit: FrameUnit | None = None

    @property
    def conventions(self) -> Conventions:
        """What the numbers of the input are."""
        said = Conventions.of_settings({field.name: getattr(self, field.name) for field in fields(self)})
        return replace(said, spelling=OPTION)


def convert(source: Path, output: Path, conversion: Conversion = Conversion()) -> tuple[int, int]:
    """Write the tubes of a file or folder in another format, atomically.

    Returns:
        Number of written videos, number of written tubes.

    Raises:
        DataError: The input is invalid, lacks values that the output format requires, or the output cannot
            be written.
    """
    format_name = conversion.output_format or output_format_of_name(output)
    if format_name not in FORMATS:
        raise DataError(f"{output}: {format_name!r} is not a format{did_you_mean(format_name, FORMATS)}")
    if source.exists() and output.exists() and source.resolve() == output.resolve():
        raise DataError(f"{output}: is also the input; choose another output")
    videos, classes = _read(source, conversion)
    videos = [*best_tubes(videos, conversion.top, conversion.min_score)]
    _write(videos, output, format_name, classes, conversion)
    return len(videos), sum(len(video.tubes) for video in videos)


def _read(source: Path, conversion: Conversion) -> tuple[list[LabeledVideo], list[str]]:
    format_name = conversion.source_format or detect_format(source)
    said, lookup = conversion.conventions, read_video_info(conversion.videos) if conversion.videos else {}
    box_source = BoxSource(str(source), BOX_FORMAT_OF[format_name], said)
    if format_name == "csv":
        boxes, named = read_ground_truth_rows(source, said)
        ids = {str(name): video_id(str(name)) for name in boxes["video"].unique()}
        infos = {name: lookup[video] for name, video in ids.items() if video in lookup}
        report(check_table(box_source, boxes, infos, sparse=len(named) > 0))
        boxes = in_pixels_and_frames(str(source), boxes, said, infos)
        videos = videos_of_table(boxes, str(source), annotated_frames_of_rows(named, boxes))
        classes = class_names(videos)
    else:
        videos, classes = read_labeled(
            source, format_name, conversion.name, conversion.mot_origin, conversion.action, said
        )
    videos = [replace(video, video=video_id(video.video)) for video in videos]
    if format_name != "csv":
        report(check_videos(box_source, videos, lookup))
        known = (replace(video, info=lookup.get(video.video, video.info)) for video in videos)
        videos = [convert_units(str(source), video, said) for video in known]
    if conversion.videos is not None:
        videos = [*add_video_info(videos, conversion.videos, lookup)]
    names = [video.video for video in videos]
    if repeated := [name for name in names if names.count(name) > 1]:
        raise DataError(f"{source}: two videos have the id {repeated[0]!r}")
    if conversion.only_video is None:
        return videos, classes
    if (only_video := video_id(conversion.only_video)) not in names:
        raise DataError(f"{source}: has no video {only_video!r}{did_you_mean(only_video, names)}")
    return [videos[names.index(only_video)]], classes


def _csv_table(videos: Sequence[LabeledVideo]) -> pd.DataFrame:
    """Return the boxes as a ground-truth table, and rows without a box that state the annotated frames."""
    boxes = ground_truth_table(videos)
    named = [(video.video, frame) for video in videos for frame in frames_to_name(video)]
    if not named:
        return boxes
    rows = pd.DataFrame(named, columns=["video", "frame"]).astype({"frame": "Int64"})
    texts = {name: "" for name in ("tube", "class", "actor") if name in boxes}
    return pd.concat([boxes.astype({"frame": "Int64"}), rows.assign(**texts)], ignore_index=True)


def _warn_of_lost_coverage(videos: Sequence[LabeledVideo], output: Path, format_name: str) -> None:
    """Log a warning if the output format cannot state which frames are annotated."""
    lost = [
        video.video
        for video in videos
        if video.annotated is not None
        and (
            format_name == "predictions" or not np.array_equal(video.annotated, np.arange(video.info.frames))
        )
    ]
    if lost and format_name in ("mot", "cvat", "predictions"):
        _LOG.warning(
            "%s: %s cannot state which frames are annotated, so all frames of %d videos count as annotated: "
            "%s; to keep the annotated frames, write CSV or COCO JSON",
            output,
            _FORMAT_NAMES[format_name],
            len(lost),
            first_few(lost),
        )


def _write(
    videos: Sequence[LabeledVideo],
    output: Path,
    format_name: str,
    classes: Sequence[str],
    conversion: Conversion,
) -> None:
    _warn_of_lost_coverage(videos, output, format_name)
    match format_name:
        case "csv":
            table = _csv_table(videos)
            write_text_atomically(output, table.to_csv(index=False, lineterminator="\n", float_format="%.8g"))
        case "predictions" if output.suffix.lower() != ".json":
            raise DataError(f"{output}: predictions are written as JSON; use the suffix .json")
        case "predictions":
            with open_text_atomically(output) as stream:
                scored = (ScoredVideo.from_labeled(video, str(output)) for video in videos)
                write_predictions_json(scored, stream, classes)
        case "coco":
            with open_text_atomically(output) as stream:
                write_coco(videos, stream, classes, str(output))
        case "mot":
            write_mot(videos, output, classes, conversion.mot_origin or 0)
        case "cvat":
            write_cvat(videos, output, classes, conversion.tolerance)
        case "supervision":
            raise DataError(
                f"{output}: the format 'supervision' can be read, not written; choose another --to"
            )


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command-line arguments of ``actorsup convert`` to a parser."""
    parser.add_argument(
        "input", type=Path, help="ground truth or predictions: .csv .json .h5 .xml .zip, a folder"
    )
    parser.add_argument("output", type=Path, help="the file, or new folder, to write")
    parser.add_argument("--from", dest="source_format", choices=FORMATS, help="default: found from the input")
    parser.add_argument("--to", dest="output_format", choices=FORMATS, help="default: found from the name")
    parser.add_argument("--name", help="id of the only video of the input, if the input lacks it")
    parser.add_argument("--only", dest="only_video", help="id of the only video to write")
    parser.add_argument(
        "--videos", type=Path, help="video,frames,fps,width,height, such as a run's videos.csv"
    )
    parser.add_argument("--top", type=_count, help="maximum number of predicted tubes of a video, by score")
    parser.add_argument("--min-score", type=float, help="minimum score of a predicted tube")
    add_convention_options(parser, "the input")
    parser.add_argument("--class", dest="action", metavar="NAME", help="MOT: class of tracks without one")
    parser.add_argument(
        "--mot-origin", type=int, choices=(0, 1), help="MOT: coordinate of the first pixel's corner"
    )
    parser.add_argument(
        "--tolerance",
        type=float,
        default=0.0,
        help="CVAT: largest error of dropped keyframes, pixels; 0 keeps all",
    )


def run(options: argparse.Namespace) -> None:
    """Run ``actorsup convert`` with parsed arguments, and print the number of written tubes and videos."""
    conversion = Conversion(**{field.name: getattr(options, field.name) for field in fields(Conversion)})
    videos, tubes = convert(options.input, options.output, conversion)
    print(f"{options.output}: {tubes} tubes of {videos} videos")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: wanted an integer from 1")
    return int(text)
