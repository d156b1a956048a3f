"""Console command ``actorsup``, for tasks that need no Snakemake run."""

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path

from actorsup.errors import DataError, describe, report_read_errors
from actorsup.evaluation.command import add_options as add_evaluation_options
from actorsup.evaluation.command import evaluate as run_evaluation
from actorsup.formats.convert import add_options as add_conversion_options
from actorsup.formats.convert import run as run_conversion


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand of ``actorsup``.

    Args:
        arguments: Command-line arguments; None for those of the process.

    Returns:
        Exit code: 0 for success; 1 if ``check`` finds a problem or ``predict`` fails for a video; 2 for an
        error that the user can fix, which is printed as one line.
    """
    options = _create_parser().parse_args(arguments)
    try:
        return int(options.run(options) or 0)
    except BrokenPipeError:  # such as `actorsup inspect FILE | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except Exception as error:
        if not (line := describe(error)):
            raise
        print(f"actorsup: {line}", file=sys.stderr)
        return 2


def _create_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("actorsup", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    evaluate = commands.add_parser("evaluate", help="evaluate scored tubes from files")
    add_evaluation_options(evaluate)
    evaluate.set_defaults(run=run_evaluation)
    inspect = commands.add_parser("inspect", help="print the contents and provenance of a shard")
    inspect.add_argument("file", type=Path)
    inspect.set_defaults(run=_inspect)
    convert = commands.add_parser("convert", help="convert tubes to and from the formats of other tools")
    add_conversion_options(convert)
    convert.set_defaults(run=run_conversion)
    check = commands.add_parser(
        "check", help="list missing and contradictory data of a data set before a run"
    )
    check.add_argument("dataset", help="a section under datasets: in config.yaml")
    _add_config_options(check)
    check.add_argument(
        "--decode",
        action="store_true",
        help="decode every video to count its frames and find changes of size",
    )
    check.set_defaults(run=_check)
    predict = commands.add_parser("predict", help="find who does what, where and when in your own videos")
    predict.add_argument(
        "videos", metavar="VIDEO", type=Path, nargs="+", help="a file, or a folder of images"
    )
    predict.add_argument("--dataset", default="demo", help="data set whose linker and trained model to use")
    predict.add_argument("--output", type=Path, help="file in the format of predictions.json; default: print")
    _add_config_options(predict)
    folders = predict.add_argument_group("folders of images, as the settings of these names")
    folders.add_argument("--frame-names", metavar="PATTERN", help="names of the frames, such as 'img_*'")
    folders.add_argument("--first-frame", metavar="N", type=int, help="number of the first frame")
    folders.add_argument("--frame-numbers", choices=["names", "order"], help="where frame numbers come from")
    predict.set_defaults(run=_predict)
    return parser


def _add_config_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of Snakemake that say where the configuration is."""
    parser.add_argument(
        "--configfile", "--configfiles", type=Path, nargs="+", default=[], help="override config.yaml"
    )
    parser.add_argument(
        "--config", metavar="NAME=VALUE", nargs="+", default=[], help="override the files, such as device=cpu"
    )
    parser.add_argument(
        "-d", "--directory", type=Path, default=Path(), help="working folder, which contains results/"
    )


def _print_sources(options: argparse.Namespace) -> None:
    from actorsup.config.read import describe_sources, own_files

    with chdir(options.directory):
        files = [path.absolute() for path in own_files()]
    line = describe_sources([*files, *options.configfile], "--config" if options.config else "")
    print(f"actorsup: {line}", file=sys.stderr)


def _check(options: argparse.Namespace) -> int:
    from actorsup.config.read import parse_values, read_config
    from actorsup.errors import ConfigError, did_you_mean
    from actorsup.frames.settings import FrameSettings
    from actorsup.workflow.check import inspect_dataset
    from actorsup.workflow.check_detections import check_detections
    from actorsup.workflow.check_report import report
    from actorsup.workflow.dataset import PlannedDataset
    from actorsup.workflow.plan import Plan

    _print_sources(options)
    configfiles = [path.absolute() for path in options.configfile]
    with chdir(options.directory):
        plan = Plan(read_config(configfiles, parse_values(options.config)))
        sections = plan.config["datasets"]
        if options.dataset not in sections:
            hint = did_you_mean(options.dataset, sections)
            raise ConfigError(
                f"datasets: no section {options.dataset!r}; allowed: {', '.join(sections)}{hint}"
            )
        dataset = PlannedDataset(options.dataset, sections[options.dataset], plan.config["seed"])
        inspection = inspect_dataset(dataset, options.decode)
        inspection.findings += check_detections(plan, inspection)
        print(report(inspection, FrameSettings(**plan.frame_settings)))
    return int(any(finding.serious for finding in inspection.findings))


def _predict(options: argparse.Namespace) -> int:
    from actorsup.artifacts.atomic import write_text_atomically
    from actorsup.config.read import parse_values
    from actorsup.errors import VideoError
    from actorsup.formats.video_ids import video_id
    from actorsup.predict import load, predictions_to_json

    video_ids = [video_id(path.name) for path in options.videos]
    if duplicates := [name for name in video_ids if video_ids.count(name) > 1]:
        raise DataError(f"two videos have the name {duplicates[0]!r}, which must be a unique id; rename one")
    # this command prints the failed videos itself
    logging.getLogger("actorsup.artifacts.shards").setLevel(logging.ERROR)
    _print_sources(options)
    predictor = load(
        options.dataset,
        folder=options.directory,
        configfiles=options.configfile,
        config=parse_values(options.config),
    )
    naming = {name: getattr(options, name) for name in ("frame_names", "first_frame", "frame_numbers")}
    predicted_tubes = []
    for path in options.videos:
        try:
            predicted_tubes.append(predictor.predict(path, **naming))
        except VideoError as error:
            print(f"actorsup: {error}", file=sys.stderr)
            continue
        for tube in [] if options.output else predicted_tubes[-1]:
            start, end = tube.seconds
            print(f"{path}: {tube.action} {tube.score:.3f}, {tube.actor}, {start:.2f} to {end:.2f} s")
    if options.output:
        write_text_atomically(options.output, predictions_to_json(predicted_tubes))
        print(f"{options.output}: {sum(map(len, predicted_tubes))} tubes of {len(predicted_tubes)} videos")
    return int(len(predicted_tubes) < len(video_ids))


def _inspect(options: argparse.Namespace) -> None:
    from actorsup.artifacts.checksums import check_embedded_checksum
    from actorsup.artifacts.hdf5_files import open_hdf5
    from actorsup.artifacts.shards import ShardReader

    check_embedded_checksum(options.file)
    wanted = "not a shard of actorsup"
    with report_read_errors(options.file, wanted), open_hdf5(options.file, wanted) as file:
        schema = str(file.attrs["schema"])
    with ShardReader(options.file, schema) as shard:
        print(f"schema: {schema}")
        print(f"provenance: {json.dumps(shard.provenance, indent=2)}")
        for video in shard:
            arrays = [f"{name} {array.shape} {array.dtype}" for name, array in shard[video].items()]
            attributes = [f"{name}={value}" for name, value in shard[video].attrs.items()]
            print(f"{video}: {', '.join(attributes)}; {', '.join(arrays)}")
        for video, reason in shard.failures.items():
            print(f"{video}: FAILED: {reason}")


if __name__ == "__main__":
    sys.exit(main())
