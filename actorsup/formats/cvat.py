"""Read CVAT XML 1.1 "for video": the tracks of a task, a job, or the tasks of a project.

The format follows CVAT's page "XML annotation format", version 1.1. Frames are 0-based frame numbers
of the video, whatever the task's step; corners are pixels, 0-based, continuous. Between two boxes of a
track the box moves linearly; from a box with ``outside="1"`` on there is none; a track whose last box
is not outside continues to the end of the task, as CVAT shows it.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np

from actorsup.artifacts.tube_files import MOST_FRAMES, VideoInfo
from actorsup.errors import DataError, did_you_mean, report_read_errors
from actorsup.formats.archive import Archive
from actorsup.formats.labeled import LabeledTube, LabeledVideo, checked_tube, with_gaps_filled

_SHAPES = ("polygon", "polyline", "points", "cuboid", "ellipse", "mask", "skeleton")
_CORNERS = ("xtl", "ytl", "xbr", "ybr")


@dataclass
class _Task:
    """The metadata of a task. Its frames end before ``end``; 0 if unknown."""

    name: str
    info: VideoInfo
    end: int
    tubes: list[LabeledTube] = field(default_factory=list)


def read_cvat(path: Path, name: str | None = None) -> list[LabeledVideo]:
    """Read the tracks of an XML file, or of all XML files of a zip or a folder.

    The video id is the name of the task, or of its source if the task has none.

    Args:
        path: An ``.xml``, a ``.zip`` exported from CVAT, or a folder of ``.xml``.
        name: The video id, if the file has only one task.

    Raises:
        DataError: The file is not CVAT XML for video; it has a document type, entities or external
            references, an unknown label, an unusable box, another shape than boxes, or two tasks of
            the same name.
    """
    with report_read_errors(path, "cannot be read as 'CVAT for video 1.1'"):
        tasks = _tasks(path)
    if not tasks:
        raise DataError(f"{path}: holds no CVAT XML; wanted the export 'CVAT for video 1.1'")
    if name is not None:
        if len(tasks) > 1:
            raise DataError(f"{path}: holds {len(tasks)} tasks, so {name!r} cannot name one video")
        tasks[0].name = name
    names = [task.name for task in tasks]
    if twice := [each for each in names if names.count(each) > 1]:
        raise DataError(f"{path}: two tasks are called {twice[0]!r}; task names become video ids; rename one")
    return [LabeledVideo(task.name, task.info, tuple(task.tubes)) for task in tasks]


def _tasks(path: Path) -> list[_Task]:
    if path.suffix.lower() == ".xml":
        with open(path, "rb") as stream:
            return _read(str(path), stream)
    packed = Archive(path, (".xml",))
    tasks = []
    for each in packed.names:
        with packed.open(each) as stream:
            tasks += _read(f"{path}: {each}", stream)
    return tasks


def _read(where: str, stream: IO[bytes]) -> list[_Task]:
    """Read the tasks of one XML file, track by track."""
    from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
    from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]

    tasks: dict[str, _Task] = {}
    labels: list[str] = []
    try:
        for _, element in iterparse(stream, events=("end",), forbid_dtd=True):
            if element.tag == "meta":
                tasks, labels = _meta(where, element)
            elif element.tag == "track":
                _add_track(where, element, tasks, labels)
                element.clear()
            elif element.tag == "image":
                raise DataError(
                    f"{where}: is 'CVAT for images', which has no tracks; export it as 'CVAT for video 1.1'"
                )
    except DefusedXmlException as error:
        raise DataError(
            f"{where}: has a document type, an entity or an external reference, which CVAT never writes; "
            f"do not trust this file ({type(error).__name__})"
        ) from error
    except ParseError as error:
        raise DataError(f"{where}: is not well-formed XML ({error}); export it again") from error
    if not tasks:
        raise DataError(f"{where}: is not CVAT XML: it has no <meta> with a task, a job or a project")
    return list(tasks.values())


def _meta(where: str, meta: Element) -> tuple[dict[str, _Task], list[str]]:
    """The tasks by id, and the names of the labels."""
    tasks = {}
    for element in [each for tag in ("task", "job") for each in meta.iter(tag) if len(each)]:
        name = _text(element, "name") or _text(element, "source")
        first, size = _number(where, element, "start_frame"), _number(where, element, "size")
        stop = _number(where, element, "stop_frame")
        step = (_text(element, "frame_filter").partition("step=")[2] or "1").strip()
        end = stop + 1 if stop else first + size * (int(step[:10]) if step.isdecimal() else 1)
        width, height = (_number(where, element, f"original_size/{side}") for side in ("width", "height"))
        if end > MOST_FRAMES:
            raise DataError(f"{where}: its task has {end:,} frames; a video has at most {MOST_FRAMES:,}")
        if not name:
            raise DataError(f"{where}: its task has no <name>; wanted the video's id")
        tasks[_text(element, "id")] = _Task(name, VideoInfo(end, 0.0, width, height), end)
    return tasks, [text for label in meta.iter("label") if (text := _text(label, "name"))]


def _add_track(where: str, track: Element, tasks: dict[str, _Task], labels: list[str]) -> None:
    where = f"{where}: track {track.get('id', '?')}"
    label = track.get("label", "")
    if labels and label not in labels:
        hint = f"{', '.join(labels)}{did_you_mean(label, labels)}"
        raise DataError(f"{where}: label {label!r} is not among the task's: {hint}")
    if shapes := {child.tag for child in track} & set(_SHAPES):
        raise DataError(f"{where}: is a track of the shape {min(shapes)!r}; wanted boxes")
    try:
        task = tasks[track.get("task_id", "")] if "task_id" in track.attrib else next(iter(tasks.values()))
    except (KeyError, StopIteration) as error:
        raise DataError(f"{where}: belongs to a task that <meta> lacks") from error
    visible = _visible(where, list(track.iter("box")), task.end)
    if not visible:
        return
    name = track.get("id", str(len(task.tubes)))
    if any(tube.name == name for tube in task.tubes):
        raise DataError(f"{where}: two tracks of {task.name!r} have this id")
    frames = [frame for each, _ in visible for frame in each]
    boxes = np.concatenate([each for _, each in visible])
    attributes = {a.get("name", ""): (a.text or "").strip() for a in track.iter("attribute")}
    tube = checked_tube(
        where,
        name,
        label,
        frames,
        boxes,
        task.end,
        actor=attributes.get("actor", ""),
        score=_score(where, attributes.get("score", "")),
    )
    task.tubes.append(tube)


def _visible(where: str, boxes: list[Element], end: int) -> list[tuple[range, Any]]:
    """The stretches of frames in which a track is visible, each with its boxes (M, 4)."""
    shapes = sorted((_box(where, box) for box in boxes), key=lambda shape: shape[0])
    frames = [shape[0] for shape in shapes]
    if twice := [frame for frame, following in pairwise(frames) if frame == following]:
        raise DataError(f"{where}: has two boxes in frame {twice[0]}")
    if shapes and end and frames[-1] >= end and not shapes[-1][1]:
        raise DataError(f"{where}: has a box in frame {frames[-1]}, but its task has frames 0 to {end - 1}")
    found: list[tuple[range, Any]] = []
    part: list[tuple[int, bool, list[float]]] = []
    for shape in shapes:
        if not part and shape[1]:
            continue
        part.append(shape)
        if not shape[1] and shape is not shapes[-1]:
            continue
        filled = with_gaps_filled(np.array([s[0] for s in part]), np.array([s[2] for s in part]))
        if shape[1]:
            filled = filled[:-1]
        elif end:
            filled = np.concatenate([filled, np.repeat(filled[-1:], end - 1 - shape[0], axis=0)])
        found.append((range(part[0][0], part[0][0] + len(filled)), filled))
        part = []
    return found


def _box(where: str, box: Element) -> tuple[int, bool, list[float]]:
    """The frame of one box, whether it is outside, and its corners."""
    try:
        corners = [float(box.attrib[name]) for name in _CORNERS]
        frame, outside = int(box.attrib["frame"]), box.get("outside", "0") == "1"
        rotation = float(box.get("rotation", 0))
    except (KeyError, ValueError) as error:
        found = ", ".join(f"{key}={value!r}" for key, value in box.attrib.items())
        raise DataError(
            f"{where}: a box has no number for one of frame, {', '.join(_CORNERS)} ({error}); found {found}"
        ) from error
    if rotation % 360:
        raise DataError(f"{where}: the box in frame {frame} is rotated by {rotation:g} degrees; wanted 0")
    if frame >= MOST_FRAMES:
        raise DataError(f"{where}: has a box after frame {MOST_FRAMES:,}, the maximum")
    if frame < 0 or corners[2] < corners[0] or corners[3] < corners[1] or not np.isfinite(corners).all():
        found = ", ".join(f"{name}={value:g}" for name, value in zip(_CORNERS, corners, strict=True))
        raise DataError(
            f"{where}: frame {frame}: wanted a frame from 0 on, xtl <= xbr, ytl <= ybr; found {found}"
        )
    return frame, outside, corners


def _score(where: str, text: str) -> float | None:
    if not text:
        return None
    try:
        score = float(text)
    except ValueError:
        score = np.nan
    if not np.isfinite(score):
        raise DataError(f"{where}: the attribute 'score' is {text!r}, wanted a finite number or nothing")
    return score


def _text(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _number(where: str, element: Element, tag: str) -> int:
    text = _text(element, tag) or "0"
    if not text.isdecimal() or len(text) > 10:
        raise DataError(f"{where}: <{tag}> is {text[:40]!r}, wanted a whole number of at most 10 digits")
    return int(text)
