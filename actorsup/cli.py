"""The console command ``actorsup``, for what needs no workflow."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from actorsup.errors import ActorsupError, reading


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
    return parser


def _threshold(text: str) -> float:
    """An IoU threshold of the command line."""
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: an IoU threshold is above 0 and at most 1")
    return value


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

    from actorsup.seals import check_seal
    from actorsup.storage import ShardReader

    check_seal(options.file)
    with reading(options.file, "no shard of actorsup"), h5py.File(options.file, "r") as file:
        schema = str(file.attrs["schema"])
    with ShardReader(options.file, schema) as shard:
        print(f"schema: {schema}")
        print(f"provenance: {json.dumps(shard.provenance, indent=2)}")
        for video in shard:
            arrays = [f"{name} {item.shape} {item.dtype}" for name, item in shard[video].items()]
            attributes = [f"{name}={value}" for name, value in shard[video].attrs.items()]
            print(f"{video}: {', '.join(attributes)}; {', '.join(arrays)}")
        for video, reason in shard.failures.items():
            print(f"{video}: FAILED: {reason}")
