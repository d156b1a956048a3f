"""Convert tubes between formats: ground-truth CSV, predictions, COCO JSON, MOT text and CVAT XML."""

import argparse
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from actorsup.artifacts.atomic import open_text_atomically
from actorsup.artifacts.tube_files import VideoInfo
from actorsup.errors import DataError, did_you_mean, first_few
from actorsup.formats.box_units import BoxFormat, FrameUnit
from actorsup.formats.coco_writing import write_coco
from actorsup.formats.convention_options import add_convention_options
from actorsup.formats.conventions import OPTION, BoxSource, Conventions
from actorsup.formats.cvat_writing import write_cvat
from actorsup.formats.formats import (
    BOX_FORMAT_OF,
    FORMATS,
    detect_format,
    iterate_labeled,
    output_format_of_name,
)
from actorsup.formats.labeled import (
    LabeledVideo,
    add_video_info,
    best_tubes,
    class_names,
    convert_units,
    read_video_info,
)
from actorsup.formats.labeled_csv import read_labeled_csv, write_labeled_csv
from actorsup.formats.mot_writing import write_mot
from actorsup.formats.plausibility import VideoChecks, report
from actorsup.formats.predictions_json import ScoredVideo, write_predictions_json
from actorsup.formats.video_ids import video_id
from actorsup.formats.video_spool import VideoSpool

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
    infos = read_video_info(conversion.videos) if conversion.videos else {}
    spool, classes = _read(source, conversion, infos)
    videos = _ChosenVideos(spool, conversion, infos)
    _warn_of_lost_coverage(videos, output, format_name)
    _write(videos, output, format_name, classes, conversion)
    return len(videos.num_tubes), sum(videos.num_tubes.values())


class _ChosenVideos:
    """Videos of an input with the options of a conversion, to iterate over again and again.

    Attributes:
        num_tubes: Number of tubes by video id, after an iteration.
    """

    def __init__(self, spool: VideoSpool, conversion: Conversion, infos: Mapping[str, VideoInfo]) -> None:
        self._spool, self._conversion = spool, conversion
        self._infos = infos
        self.num_tubes: dict[str, int] = {}

    def __iter__(self) -> Iterator[LabeledVideo]:
        options, videos = self._conversion, iter(self._spool)
        if options.videos is not None:
            videos = add_video_info(videos, options.videos, self._infos)
        for video in best_tubes(videos, options.top, options.min_score):
            self.num_tubes[video.video] = len(video.tubes)
            yield video


def _read(
    source: Path, conversion: Conversion, infos: Mapping[str, VideoInfo]
) -> tuple[VideoSpool, list[str]]:
    """Return the videos of the input, which may be larger than the memory, and the names of all classes."""
    format_name = conversion.source_format or detect_format(source)
    classes: list[str] | None = None
    if format_name == "csv":
        videos = read_labeled_csv(source, conversion.conventions, infos)
    else:
        found, classes = iterate_labeled(
            source,
            format_name,
            conversion.name,
            conversion.mot_origin,
            conversion.action,
            conversion.conventions,
        )
        box_source = BoxSource(str(source), BOX_FORMAT_OF[format_name], conversion.conventions)
        videos = _checked_videos(box_source, found, infos)
    only_video = None if conversion.only_video is None else video_id(conversion.only_video)
    spool, names, found_classes = VideoSpool(), set[str](), set[str]()
    for video in videos:
        if video.video in names:
            raise DataError(f"{source}: two videos have the id {video.video!r}")
        names.add(video.video)
        found_classes |= {*class_names([video])}
        if only_video in (None, video.video):
            spool.append(video)
    if only_video is not None and only_video not in names:
        raise DataError(f"{source}: has no video {only_video!r}{did_you_mean(only_video, names)}")
    return spool, sorted(found_classes) if classes is None else classes


def _checked_videos(
    source: BoxSource, videos: Iterable[LabeledVideo], infos: Mapping[str, VideoInfo]
) -> Iterator[LabeledVideo]:
    """Yield the videos by their id, in pixels and frames; log warnings about their numbers at the end."""
    checks = VideoChecks(source, infos)
    for video in videos:
        video = replace(video, video=video_id(video.video))
        checks.add(video)
        known = replace(video, info=infos.get(video.video, video.info))
        yield convert_units(source.location, known, source.conventions)
    report(checks.problems())


def _warn_of_lost_coverage(videos: Iterable[LabeledVideo], output: Path, format_name: str) -> None:
    """Log a warning if the output format cannot state which frames are annotated."""
    if format_name not in _FORMAT_NAMES:
        return
    lost = [
        video.video
        for video in videos
        if video.annotated is not None
        and (
            format_name == "predictions" or not np.array_equal(video.annotated, np.arange(video.info.frames))
        )
    ]
    if lost:
        _LOG.warning(
            "%s: %s cannot state which frames are annotated, so all frames of %d videos count as annotated: "
            "%s; to keep the annotated frames, write CSV or COCO JSON",
            output,
            _FORMAT_NAMES[format_name],
            len(lost),
            first_few(lost),
        )


def _write(
    videos: Iterable[LabeledVideo],
    output: Path,
    format_name: str,
    classes: Sequence[str],
    conversion: Conversion,
) -> None:
    match format_name:
        case "csv":
            write_labeled_csv(videos, output)
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
