"""Command-line options that say what the numbers of a file of boxes are."""

import argparse
from typing import get_args

from actorsup.formats.box_units import BOX_FORMAT_NAMES, FrameUnit, check_box_unit
from actorsup.formats.conventions import OPTION, Conventions


def add_convention_options(parser: argparse.ArgumentParser, file: str, prefix: str = "") -> None:
    """Add the options of ``Conventions`` to a parser.

    Args:
        parser: The parser.
        file: What the options describe, for their help.
        prefix: Beginning of the names of the options, such as ``predictions-``.
    """
    formats = "; ".join(f"{name}: {numbers}" for name, numbers in BOX_FORMAT_NAMES.items())
    parser.add_argument(
        f"--{prefix}box-format",
        choices=[*BOX_FORMAT_NAMES],
        help=f"the four numbers of a box in {file}: {formats}; default: as in its format",
    )
    parser.add_argument(
        f"--{prefix}box-unit",
        type=_box_unit,
        help=f"unit of the boxes in {file}: pixels (default), fraction or percent of the frame, or the size "
        "of the frames they belong to, such as 1280x720",
    )
    parser.add_argument(
        f"--{prefix}frame-unit",
        choices=get_args(FrameUnit),
        help=f"unit of the frame numbers in {file}; default: frames",
    )
    if not prefix:
        parser.add_argument(
            "--frame-base", type=int, choices=(0, 1), help=f"number of the first frame in {file}"
        )


def conventions_of_options(options: argparse.Namespace, prefix: str = "") -> Conventions:
    """Return the conventions that parsed options state; ``prefix`` as for ``add_convention_options``."""
    names = ("box_format", "box_unit", "frame_unit", "frame_base")
    key = prefix.replace("-", "_")
    values = {name: getattr(options, key + name, None) for name in names}
    return Conventions(**values, spelling=OPTION.replace("--", f"--{prefix}"))


def _box_unit(text: str) -> str:
    try:
        return check_box_unit(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
