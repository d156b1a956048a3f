"""The console command ``actorsup``, for what needs no workflow."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from actorsup.errors import ActorsupError, DataError
from actorsup.evaluation.command import add_options as add_evaluation_options
from actorsup.evaluation.command import evaluate as run_evaluation


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
    add_evaluation_options(evaluate)
    evaluate.set_defaults(run=run_evaluation)
    inspect = commands.add_parser("inspect", help="what a shard holds and what made it")
    inspect.add_argument("file", type=Path)
    inspect.set_defaults(run=_inspect)
    return parser


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
