"""What is in the folder of a data set: its videos, and everything else."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True)
class FrameNaming:
    """How the names of the files of a folder number its frames.

    Attributes:
        frame_names: Pattern of the names of the frames, such as ``img_*.jpg``; None: all images.
        first_frame: Number of the first frame in the names; None: the smallest number.
        frame_numbers: ``names``: frames have the numbers in their names; ``order``: their order; None:
            ``names``, or ``order`` where the names have no frame numbers.
    """

    frame_names: str | None = None
    first_frame: int | None = None
    frame_numbers: str | None = None


DEFAULT_NAMING = FrameNaming()
"""The naming of a data set without settings for it."""


class UnusedEntry(NamedTuple):
    """A file or folder that is not used: why, and its path."""

    reason: str
    path: Path


class UnusableEntry(NamedTuple):
    """An entry that looks like a video but cannot be used: its id, escaped if it is not UTF-8, and why."""

    video: str
    reason: str


@dataclass
class FolderContents:
    """The videos below a folder and everything else that is there.

    Attributes:
        videos: Path of every video, by id.
        companions: Path of every folder of masks, depth, flow or thumbnails, by id; videos only by request.
        file_names: Id of every video that ``video_id`` does not find by its file name, by that name.
        unusable: Entries that may be videos and cannot be used.
        unused: Files and folders that are not used.
        ignored: Number of hidden files and files of the system, which are ignored.
    """

    videos: dict[str, Path] = field(default_factory=dict)
    companions: dict[str, Path] = field(default_factory=dict)
    file_names: dict[str, str] = field(default_factory=dict)
    unusable: list[UnusableEntry] = field(default_factory=list)
    unused: list[UnusedEntry] = field(default_factory=list)
    ignored: int = 0

    def resolve(self, video: str) -> str:
        """Return the id of a video that a table names by ``video_id`` of its file name."""
        return video if video in self.videos else self.file_names.get(video, video)
