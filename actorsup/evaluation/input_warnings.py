"""What is odd about the input of an evaluation, counted and told once."""

import logging
from collections.abc import Sequence

_LOG = logging.getLogger(__name__)
_NAMED = 5


class InputWarnings:
    """Counts oddities by kind, and names the first videos of each."""

    def __init__(self) -> None:
        self._count: dict[str, int] = {}
        self._videos: dict[str, list[str]] = {}

    def add(self, what: str, video: str, count: int = 1) -> None:
        """Remember that ``count`` things of a kind were found in a video; none is nothing."""
        if count:
            self._count[what] = self._count.get(what, 0) + int(count)
            videos = self._videos.setdefault(what, [])
            if video not in videos[-1:]:
                videos.append(video)

    def log(self) -> None:
        """Write one warning for each kind into the log."""
        for what, count in self._count.items():
            _LOG.warning("%d %s: %s", count, what, some(self._videos[what]))


def some(names: Sequence[str]) -> str:
    """The first few of many names."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(map(str, names[:_NAMED])) + more
