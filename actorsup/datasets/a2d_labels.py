"""The codes of A2D's videos, which label them, remembered from one plan to the next."""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from actorsup.artifacts.atomic import write_whole
from actorsup.errors import DataError

_LOG = logging.getLogger(__name__)


def remembered_codes(
    files: Mapping[str, Sequence[Path]], read: Callable[[Path], list[int]], memory: Path | None
) -> dict[str, list[int]]:
    """The distinct codes of the annotated frames of each video, sorted, by id.

    Args:
        files: The annotated frames of each video.
        read: Reads the codes of a frame.
        memory: JSON file of the last answer, by name, size and time of change of the files, so
            that a video is read again only if one of these differs; it is written where it can be.
    """
    known = _known(memory) if memory else {}
    current: dict[str, tuple[str, list[int]]] = {}
    for video, paths in files.items():
        stamp = " ".join(f"{p.name}:{s.st_size}:{s.st_mtime_ns}" for p in paths for s in [p.stat()])
        seen = known.get(video)
        if seen and seen[0] == stamp:
            current[video] = seen
        else:
            current[video] = stamp, sorted({code for path in paths for code in read(path)})
    if memory and current != known:
        try:
            write_whole(memory, json.dumps(current, indent=0))
        except (OSError, DataError) as error:
            _LOG.info("%s: cannot be written (%s); the labels are read again next time", memory, error)
    return {video: codes for video, (_, codes) in current.items()}


def _known(memory: Path) -> dict[str, tuple[str, list[int]]]:
    try:
        content = json.loads(memory.read_text(encoding="utf-8"))
        return {str(v): (str(stamp), [int(c) for c in codes]) for v, (stamp, codes) in content.items()}
    except (OSError, ValueError, AttributeError, TypeError, ArithmeticError, RecursionError):
        return {}
