"""Tubes from one form into another: ground truth, predictions, COCO JSON, MOT text, CVAT XML."""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from actorsup.artifacts.atomic import write_whole, writing_text
from actorsup.errors import DataError, did_you_mean
from actorsup.formats.coco_writing import write_coco
from actorsup.formats.cvat_writing import write_cvat
from actorsup.formats.formats import FORMATS, format_read, format_written, read_labelled
from actorsup.formats.ground_truth_csv import read_ground_truth_table
from actorsup.formats.labeled import (
    LabeledVideo,
    best_tubes,
    classes_of,
    read_sizes,
    table_of,
    videos_of,
    with_sizes,
)
from actorsup.formats.mot_writing import write_mot
from actorsup.formats.predictions import write_predictions
from actorsup.formats.video_ids import video_id

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Conversion:
    """What to do on the way.

    Attributes:
        source_format: One of ``FORMATS``; None: as the input's name or content tells.
        output_format: One of ``FORMATS``; None: as the output's name tells.
        name: The id of the only video of the input, where the file does not say it.
        only: The only video to write.
        videos: A table of lengths, rates and sizes, ``video,frames,fps,width,height``.
        top: The most predicted tubes of a video to write, by score.
        min_score: Predicted tubes below it are left out.
        frame_base: Of COCO that is read: number of the first frame; None takes it from the file.
        mot_origin: Of MOT: what the corner of the first pixel is called; None: 0 beside a
            ``labels.txt`` that is read, and where it is written, else 1.
        tolerance: Of CVAT that is written, pixels: as in ``write_cvat``.
    """

    source_format: str | None = None
    output_format: str | None = None
    name: str | None = None
    only: str | None = None
    videos: Path | None = None
    top: int | None = None
    min_score: float | None = None
    frame_base: int | None = None
    mot_origin: int | None = None
    tolerance: float = 0.0


def convert(source: Path, output: Path, how: Conversion = Conversion()) -> tuple[int, int]:
    """Write the tubes of one file or folder in another form, whole or not at all.

    Returns:
        How many videos and tubes were written.

    Raises:
        DataError: The input cannot be used, lacks what the output needs, or the output is there
            already and is a folder.
    """
    form = how.output_format or format_written(output)
    if form not in FORMATS:
        raise DataError(f"{output}: {form!r} is no format{did_you_mean(form, FORMATS)}")
    if source.exists() and output.exists() and source.resolve() == output.resolve():
        raise DataError(f"{output}: is the input too; name another output")
    videos, classes = _read(source, how)
    if how.videos is not None:
        videos = [*with_sizes(videos, how.videos, read_sizes(how.videos))]
    videos = [*best_tubes(videos, how.top, how.min_score)]
    _write(videos, output, form, classes, how)
    return len(videos), sum(len(video.tubes) for video in videos)


def _read(source: Path, how: Conversion) -> tuple[list[LabeledVideo], list[str]]:
    form = how.source_format or format_read(source)
    if form == "csv":
        videos = videos_of(read_ground_truth_table(source), str(source))
        classes = classes_of(videos)
    else:
        videos, classes = read_labelled(source, form, how.name, how.frame_base, how.mot_origin)
    videos = [replace(video, video=video_id(video.video)) for video in videos]
    names = [video.video for video in videos]
    if twice := [name for name in names if names.count(name) > 1]:
        raise DataError(f"{source}: two videos have the id {twice[0]!r}")
    if how.only is None:
        return videos, classes
    if (only := video_id(how.only)) not in names:
        raise DataError(f"{source}: has no video {only!r}{did_you_mean(only, names)}")
    return [videos[names.index(only)]], classes


def _write(
    videos: Sequence[LabeledVideo], output: Path, form: str, classes: Sequence[str], how: Conversion
) -> None:
    match form:
        case "csv":
            table = table_of(videos)
            write_whole(output, table.to_csv(index=False, lineterminator="\n", float_format="%.8g"))
        case "predictions" if output.suffix.lower() != ".json":
            raise DataError(f"{output}: predictions are written as JSON; give it the suffix .json")
        case "predictions":
            with writing_text(output) as stream:
                write_predictions(videos, stream, classes, str(output))
        case "coco":
            with writing_text(output) as stream:
                write_coco(videos, stream, classes, str(output))
        case "mot":
            write_mot(videos, output, classes, how.mot_origin or 0)
        case "cvat":
            write_cvat(videos, output, classes, how.tolerance)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of ``actorsup convert``."""
    parser.add_argument(
        "input", type=Path, help="ground truth or predictions: .csv .json .h5 .xml .zip, a folder"
    )
    parser.add_argument("output", type=Path, help="the file, or new folder, to write")
    formats = ("csv", "predictions", "coco", "mot", "cvat")
    parser.add_argument("--from", dest="source_format", choices=formats, help="default: as the input tells")
    parser.add_argument("--to", dest="output_format", choices=formats, help="default: as the name tells")
    parser.add_argument("--name", help="id of the only video of the input, where it does not say it")
    parser.add_argument("--only", help="id of the only video to write")
    parser.add_argument(
        "--videos", type=Path, help="video,frames,fps,width,height, such as a run's videos.csv"
    )
    parser.add_argument("--top", type=_count, help="the most predicted tubes of a video, by score")
    parser.add_argument("--min-score", type=float, help="leave out predicted tubes below it")
    parser.add_argument("--frame-base", type=int, choices=(0, 1), help="number of COCO's first frame")
    parser.add_argument(
        "--mot-origin", type=int, choices=(0, 1), help="what MOT calls the first pixel's corner"
    )
    parser.add_argument(
        "--tolerance", type=float, default=0.0, help="of CVAT's keyframes, pixels; 0 keeps all"
    )


def run(options: argparse.Namespace) -> None:
    """Convert as the options say, and tell what was written."""
    how = Conversion(**{field.name: getattr(options, field.name) for field in fields(Conversion)})
    videos, tubes = convert(options.input, options.output, how)
    print(f"{options.output}: {tubes} tubes of {videos} videos")


def _count(text: str) -> int:
    """A number of things of the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: wanted a whole number from 1 on")
    return int(text)
