"""The layout of a sequence of the MOTChallenge: ``img1``, ``gt``, ``det`` and ``seqinfo.ini``."""

import configparser
import os
from collections.abc import Set
from pathlib import Path

IMAGE_FOLDER = "img1"
"""Name of the folder of frames, unless ``imDir`` of ``seqinfo.ini`` says otherwise."""

INFO_FILE = "seqinfo.ini"
"""Name of the file that describes a sequence."""


def is_mot_sequence(names: Set[str]) -> bool:
    """Whether the names in a folder are those of a sequence."""
    return INFO_FILE in names or (IMAGE_FOLDER in names and not names.isdisjoint(("gt", "det")))


def mot_image_folder(sequence: Path) -> str:
    """Return the name of the folder of frames of a sequence."""
    return _sequence_info(sequence).get("imDir", IMAGE_FOLDER)


def frames_folder(video: Path) -> Path:
    """Return the folder of frames of a sequence; any other path is returned as it is."""
    images = video / mot_image_folder(video)
    return images if images.is_dir() and is_mot_sequence(set(os.listdir(video))) else video


def mot_frame_rate(frames: Path) -> float:
    """Return the frame rate of a folder of frames, from the ``seqinfo.ini`` above it; 0 if it states none."""
    info = _sequence_info(frames.parent)
    try:
        return float(info["frameRate"]) if info.get("imDir", IMAGE_FOLDER) == frames.name else 0.0
    except (KeyError, ValueError):
        return 0.0


def mot_info_files(frames: Path) -> list[Path]:
    """Return the ``seqinfo.ini`` above a folder of frames, if it states their frame rate; else nothing."""
    return [frames.parent / INFO_FILE] if mot_frame_rate(frames) else []


def _sequence_info(sequence: Path) -> dict[str, str]:
    """Return the keys of ``seqinfo.ini``; empty if it is missing or damaged."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys are case-sensitive
    try:
        parser.read_string((sequence / INFO_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error):
        return {}
    return dict(parser["Sequence"]) if parser.has_section("Sequence") else {}
