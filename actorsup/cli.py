"""The console command ``actorsup``, for what needs no workflow."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from actorsup.errors import ActorsupError, DataError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; an error that a user can mend is one line, exit code 2."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except ActorsupError as error:
        print(f"actorsup: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("actorsup", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    evaluate = commands.add_parser("evaluate", help="tables of scored tubes, however they were made")
    evaluate.add_argument("--ground-truth", type=Path, required=True, help="video,tube,class,frame,x1,...")
    evaluate.add_argument("--predictions", type=Path, required=True, help="predictions.json or .h5")
    evaluate.add_argument("--output", type=Path, required=True, help="the table of average precision")
    evaluate.add_argument("--recall", type=Path, help="a table of recall too")
    evaluate.add_argument("--videos", type=Path, help="the test videos; default: those of the two files")
    evaluate.add_argument("--annotated", type=Path, help="video,frame: only these frames are annotated")
    evaluate.add_argument("--interpolation", default="envelope", help="envelope (default) or trapezoid")
    evaluate.add_argument("--iou-thresholds", type=_threshold, nargs="+", help="0.1 to 0.5, 0.75 by default")
    evaluate.set_defaults(run=_evaluate)
    inspect = commands.add_parser("inspect", help="what a shard holds and what made it")
    inspect.add_argument("file", type=Path)
    inspect.set_defaults(run=_inspect)
    convert = commands.add_parser("convert", help="tubes into the form of another tool, and back")
    convert.add_argument(
        "input", type=Path, help="ground truth or predictions: .csv .json .h5 .xml .zip, a folder"
    )
    convert.add_argument("output", type=Path, help="the file, or new folder, to write")
    formats = ("csv", "predictions", "coco", "mot", "cvat")
    convert.add_argument("--from", dest="source_format", choices=formats, help="default: as the input tells")
    convert.add_argument("--to", dest="output_format", choices=formats, help="default: as the name tells")
    convert.add_argument("--name", help="id of the only video of the input, where it does not say it")
    convert.add_argument("--only", help="id of the only video to write")
    convert.add_argument(
        "--videos", type=Path, help="video,frames,fps,width,height, such as a run's videos.csv"
    )
    convert.add_argument("--top", type=_count, help="the most predicted tubes of a video, by score")
    convert.add_argument("--min-score", type=float, help="leave out predicted tubes below it")
    convert.add_argument("--frame-base", type=int, choices=(0, 1), help="number of COCO's first frame")
    convert.add_argument(
        "--mot-origin", type=int, choices=(0, 1), help="what MOT calls the first pixel's corner"
    )
    convert.add_argument(
        "--tolerance", type=float, default=0.0, help="of CVAT's keyframes, pixels; 0 keeps all"
    )
    convert.set_defaults(run=_convert)
    return parser


def _threshold(text: str) -> float:
    """An IoU threshold of the command line."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: an IoU threshold is above 0 and at most 1")
    return value


def _count(text: str) -> int:
    """A number of things of the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}: wanted a whole number from 1 on")
    return int(text)


def _convert(options: argparse.Namespace) -> None:
    from dataclasses import fields

    from actorsup.convert import Conversion, convert

    how = Conversion(**{field.name: getattr(options, field.name) for field in fields(Conversion)})
    videos, tubes = convert(options.input, options.output, how)
    print(f"{options.output}: {tubes} tubes of {videos} videos")


def _evaluate(options: argparse.Namespace) -> None:
    from actorsup.evaluation.ground_truth import read_annotated, read_ground_truth, test_videos
    from actorsup.evaluation.matching import overlap
    from actorsup.evaluation.predictions import read_predictions
    from actorsup.evaluation.tables import THRESHOLDS, map_table, recall_table
    from actorsup.storage import write_whole

    truth = read_ground_truth(options.ground_truth)
    found, classes = read_predictions([options.predictions])
    names = test_videos(options.videos)[0] if options.videos else sorted({*truth, *found})
    annotated = read_annotated(options.annotated) if options.annotated else None
    videos = [
        overlap(
            name,
            found.get(name),
            truth.get(name, []),
            None if annotated is None else annotated.get(name, set()),
        )
        for name in names
    ]
    thresholds = options.iou_thresholds or THRESHOLDS
    tables = {options.output: map_table(videos, classes, options.interpolation, thresholds)}
    if options.recall:
        tables[options.recall] = recall_table(videos, thresholds)
    for path, table in tables.items():
        write_whole(path, table.to_csv(index=False, lineterminator="\n", float_format="%.6f"))
    means = tables[options.output].query("`class` == 'mean'")
    for threshold, value in zip(means["iou_threshold"], means["average_precision"], strict=True):
        print(f"mAP@{threshold}: {value:.4f}")


def _inspect(options: argparse.Namespace) -> None:
    import h5py

    from actorsup.storage import ShardReader

    try:
        with h5py.File(options.file, "r") as file:
            schema = str(file.attrs["schema"])
    except (OSError, KeyError) as error:
        raise DataError(f"{options.file}: no shard of actorsup ({error})") from error
    with ShardReader(options.file, schema) as shard:
        print(f"schema: {schema}")
        print(f"provenance: {json.dumps(shard.provenance, indent=2)}")
        for video in shard:
            arrays = [f"{name} {item.shape} {item.dtype}" for name, item in shard[video].items()]
            attributes = [f"{name}={value}" for name, value in shard[video].attrs.items()]
            print(f"{video}: {', '.join(attributes)}; {', '.join(arrays)}")
        for video, reason in shard.failures.items():
            print(f"{video}: FAILED: {reason}")
