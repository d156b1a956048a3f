"""Labeled videos in a temporary file, because those of a large file do not fit into memory."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from os import SEEK_END
from tempfile import SpooledTemporaryFile

import numpy as np

from actorsup.formats.labeled import LabeledVideo

_MAX_BYTES_IN_MEMORY = 2**26
"""Maximum number of bytes of boxes in memory; more are stored in a temporary file."""


_NO_FRAMES, _NO_BOXES = np.zeros(0, np.int64), np.zeros((0, 4))
"""Arrays of tubes whose frames and boxes are stored."""


class VideoSpool:
    """Labeled videos that can be read again and again, in order; one of them is in memory.

    Args:
        videos: Videos to store.
    """

    def __init__(self, videos: Iterable[LabeledVideo] = ()) -> None:
        self._file = SpooledTemporaryFile(max_size=_MAX_BYTES_IN_MEMORY)
        self._videos: list[tuple[int, LabeledVideo]] = []
        for video in videos:
            self.append(video)

    def append(self, video: LabeledVideo) -> None:
        """Store a video."""
        place = self._file.seek(0, SEEK_END)
        for tube in video.tubes:
            np.save(self._file, tube.frames, allow_pickle=False)
            np.save(self._file, tube.boxes, allow_pickle=False)
        tubes = (replace(tube, frames=_NO_FRAMES, boxes=_NO_BOXES) for tube in video.tubes)
        self._videos.append((place, replace(video, tubes=tuple(tubes))))

    def __len__(self) -> int:
        return len(self._videos)

    def __iter__(self) -> Iterator[LabeledVideo]:
        for place, video in self._videos:
            self._file.seek(place)
            arrays = [
                (np.load(self._file, allow_pickle=False), np.load(self._file, allow_pickle=False))
                for _ in video.tubes
            ]
            tubes = zip(video.tubes, arrays, strict=True)
            yield replace(
                video,
                tubes=tuple(replace(tube, frames=frames, boxes=boxes) for tube, (frames, boxes) in tubes),
            )
