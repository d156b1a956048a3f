"""The tasks and jobs in the ``<meta>`` of CVAT XML, and the frames that they cover."""

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import MOST_FRAMES, VideoInfo
from actorsup.errors import DataError
from actorsup.formats.labeled import LabeledTube


@dataclass
class CvatTask:
    """A task or a job, with its tubes.

    Attributes:
        name: Name of the task, or of its source; empty if it has none.
        is_job: Whether it is a job, a part of a task.
        info: Length and size of the video; 0 if unknown.
        frames: (K,) int64, frames of the task, ascending; None if unknown.
        tubes: Tubes of the task by track id.
        drawn: Frames in which a box was drawn, not interpolated.
    """

    name: str
    is_job: bool
    info: VideoInfo
    frames: NDArray[np.int64] | None
    tubes: dict[str, LabeledTube] = field(default_factory=dict)
    drawn: set[int] = field(default_factory=set)

    @property
    def end(self) -> int:
        """One past the last frame; 0 if unknown."""
        return 0 if self.frames is None else int(self.frames[-1]) + 1

    @property
    def annotated(self) -> NDArray[np.int64] | None:
        """Annotated frames: those of the task, and those in which a box was drawn."""
        return None if self.frames is None else np.union1d(self.frames, np.array([*self.drawn], np.int64))


def read_meta(location: str, meta: Element) -> tuple[dict[str, CvatTask], list[str]]:
    """Return the tasks by id, and the names of the labels.

    Raises:
        DataError: A number is invalid, a task has too many frames, or two tasks have one id.
    """
    tasks: dict[str, CvatTask] = {}
    for element in [entry for tag in ("task", "job") for entry in meta.iter(tag) if len(entry)]:
        task_id = element_text(element, "id")
        if task_id in tasks:
            raise DataError(
                f"{location}: two tasks have the id {task_id!r}, so the task of a track is ambiguous; "
                "export each task by itself, into a folder or a zip"
            )
        frames = _task_frames(location, element)
        width, height = (
            _read_number(location, element, f"original_size/{side}") for side in ("width", "height")
        )
        name = element_text(element, "name") or element_text(element, "source")
        length = 0 if frames is None else int(frames[-1]) + 1
        info = VideoInfo(length, 0.0, width, height)
        tasks[task_id] = CvatTask(name, element.tag == "job", info, frames)
    return tasks, [text for label in meta.iter("label") if (text := element_text(label, "name"))]


def _task_frames(location: str, element: Element) -> NDArray[np.int64] | None:
    """Return the frames of a task or a job: from start to stop by its step, in its segments.

    A task states frames of the video. A job and the segments state frames of the task.
    """
    first, stop, size = (
        _read_number(location, element, tag) for tag in ("start_frame", "stop_frame", "size")
    )
    text = (element_text(element, "frame_filter").partition("step=")[2] or "1").strip()
    step = max(1, int(text[:10])) if text.isdecimal() else 1
    is_job = element.tag == "job"
    last = stop or first + max(0, size - 1) * (1 if is_job else step)
    if size and stop == first + size * step:
        last = stop - 1  # Datumaro's stop_frame is one too high
    if not stop and not size:
        return None
    if last < first:
        raise DataError(f"{location}: stop_frame {last} comes before start_frame {first}")
    if last * (step if is_job else 1) >= MOST_FRAMES:
        raise DataError(f"{location}: its task ends in frame {last:,}; a video has at most {MOST_FRAMES:,}")
    if is_job:
        return np.arange(first, last + 1) * step
    return _frames_of_segments(location, element, np.arange(first, last + 1, step))


def _frames_of_segments(location: str, task: Element, frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return those of a task's frames that its segments list; all frames if they list none."""
    is_listed = np.zeros(len(frames), bool)
    for segment in task.iterfind("segments/segment"):
        start, stop = (_read_number(location, segment, tag) for tag in ("start", "stop"))
        is_listed[start : stop + 1] = True
    return frames[is_listed] if is_listed.any() else frames


def element_text(element: Element, tag: str) -> str:
    """Return the stripped text of a child element; empty if there is none."""
    return (element.findtext(tag) or "").strip()


def _read_number(location: str, element: Element, tag: str) -> int:
    text = element_text(element, tag) or "0"
    if not text.isdecimal() or len(text) > 10:
        raise DataError(f"{location}: <{tag}> is {text[:40]!r}, wanted a whole number of at most 10 digits")
    return int(text)
