"""Convert tubes between formats: ground truth, predictions, COCO JSON, MOT text, CVAT XML."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

from actorsup.artifacts.atomic import open_text_atomically, write_text_atomically
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
from actorsup.formats.predictions_json import ScoredVideo, write_predictions_json
from actorsup.formats.video_ids import video_id


@dataclass(frozen=True)
class Conversion:
    """Options of a conversion.

    Attributes:
        source_format: One of ``FORMATS``; None: found from the input's name or content.
        output_format: One of ``FORMATS``; None: found from the output's name.
        name: Id of the only video of the input, if the file lacks it.
        only: Id of the only video to write.
        videos: A table of lengths, frame rates and sizes, ``video,frames,fps,width,height``.
        top: Maximum number of predicted tubes of a video, by score.
        min_score: Minimum score of a predicted tube.
        frame_base: COCO input: number of the first frame; None infers it from the file.
        mot_origin: MOT: coordinate of the first pixel's corner. None: in input, 0 if there is a
            ``labels.txt``, else 1; in output, 0.
        tolerance: CVAT output: as in ``write_cvat``, in pixels.
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
    """Write the tubes of a file or folder in another format, atomically.

    Returns:
        The numbers of videos and tubes written.

    Raises:
        DataError: The input cannot be used or lacks what the output needs, or the output is an
            existing folder.
    """
    form = how.output_format or format_written(output)
    if form not in FORMATS:
        raise DataError(f"{output}: {form!r} is not a format{did_you_mean(form, FORMATS)}")
    if source.exists() and output.exists() and source.resolve() == output.resolve():
        raise DataError(f"{output}: is also the input; choose another output")
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
            write_mot(videos, output, classes, how.mot_origin or 0)
        case "cvat":
            write_cvat(videos, output, classes, how.tolerance)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``actorsup convert``."""
    parser.add_argument(
        "input", type=Path, help="ground truth or predictions: .csv .json .h5 .xml .zip, a folder"
    )
    parser.add_argument("output", type=Path, help="the file, or new folder, to write")
    parser.add_argument("--from", dest="source_format", choices=FORMATS, help="default: found from the input")
    parser.add_argument("--to", dest="output_format", choices=FORMATS, help="default: found from the name")
    parser.add_argument("--name", help="id of the only video of the input, if the input lacks it")
    parser.add_argument("--only", help="id of the only video to write")
    parser.add_argument(
        "--videos", type=Path, help="video,frames,fps,width,height, such as a run's videos.csv"
    )
    parser.add_argument("--top", type=_count, help="maximum number of predicted tubes of a video, by score")
    parser.add_argument("--min-score", type=float, help="minimum score of a predicted tube")
    parser.add_argument("--frame-base", type=int, choices=(0, 1), help="COCO: number of the first frame")
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
    """Convert as the options say, and print what was written."""
    how = Conversion(**{field.name: getattr(options, field.name) for field in fields(Conversion)})
    videos, tubes = convert(options.input, options.output, how)
    print(f"{options.output}: {tubes} tubes of {videos} videos")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: wanted an integer from 1")
    return int(text)
