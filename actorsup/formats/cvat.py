"""Read CVAT XML 1.1 "for video": the tracks of a task, of a job, or of the tasks of a project.

The format follows CVAT's page "XML annotation format", version 1.1. Frames are 0-based frame numbers
of the video, for any frame step of the task; corners are continuous 0-based pixel coordinates. Boxes
between two boxes of a track are interpolated linearly; a box with ``outside="1"`` ends a visible interval of
the track; a track whose last box is not outside continues to the end of the task, as in CVAT's editor. Boxes
with ``keyframe="0"`` are interpolated already, so a track neither continues after them nor up to them. CVAT
writes them for every frame; Datumaro, which marks no gap and no end, for the frames that have a box.
"""

from dataclasses import dataclass, field
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np

from actorsup.artifacts.tube_files import MOST_FRAMES, VideoInfo
from actorsup.errors import DataError, did_you_mean, report_read_errors
from actorsup.formats.archive import Archive
from actorsup.formats.labeled import LabeledTube, LabeledVideo, interpolate_boxes, make_tube

_SHAPES = ("polygon", "polyline", "points", "cuboid", "ellipse", "mask", "skeleton")
_CORNERS = ("xtl", "ytl", "xbr", "ybr")
_Shape = tuple[int, bool, list[float]]
"""Frame of a box, True if the box is outside, and its corners."""


@dataclass
class _Task:
    """Metadata and tubes of a task, whose last frame is ``end`` - 1; ``end`` is 0 if unknown."""

    name: str
    info: VideoInfo
    end: int
    tubes: list[LabeledTube] = field(default_factory=list)


def read_cvat(path: Path, name: str | None = None) -> list[LabeledVideo]:
    """Read the tracks of an XML file, or of all XML files of a zip or a folder.

    The video id is the name of the task, or of its source if the task has none.

    Args:
        path: Path of an ``.xml`` file, of a ``.zip`` exported from CVAT, or of a folder of ``.xml`` files.
        name: Video id that replaces the name of the only task; None keeps the names of the tasks.

    Raises:
        DataError: A file is not CVAT XML for video; it has a document type, entities, external references,
            an unknown label, an invalid box, a shape other than boxes, or two tasks with one name.
    """
    with report_read_errors(path, "cannot be read as 'CVAT for video 1.1'"):
        tasks = _read_tasks(path)
    if not tasks:
        raise DataError(f"{path}: holds no CVAT XML; wanted the export 'CVAT for video 1.1'")
    if name is not None:
        if len(tasks) > 1:
            raise DataError(f"{path}: holds {len(tasks)} tasks, so {name!r} cannot name one video")
        tasks[0].name = name
    names = [task.name for task in tasks]
    if repeated := [task_name for task_name in names if names.count(task_name) > 1]:
        raise DataError(
            f"{path}: two tasks are called {repeated[0]!r}; task names become video ids; rename one"
        )
    return [LabeledVideo(task.name, task.info, tuple(task.tubes)) for task in tasks]


def _read_tasks(path: Path) -> list[_Task]:
    if path.suffix.lower() == ".xml":
        with open(path, "rb") as stream:
            return _read_xml(str(path), stream)
    archive = Archive(path, (".xml",))
    tasks = []
    for member in archive.names:
        with archive.open(member) as stream:
            tasks += _read_xml(f"{path}: {member}", stream)
    return tasks


def _read_xml(location: str, stream: IO[bytes]) -> list[_Task]:
    """Read the tasks of one XML file, track by track."""
    from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
    from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]

    tasks: dict[str, _Task] = {}
    labels: list[str] = []
    try:
        for _, element in iterparse(stream, events=("end",), forbid_dtd=True):
            if element.tag == "meta":
                tasks, labels = _read_meta(location, element)
            elif element.tag == "track":
                _add_track(location, element, tasks, labels)
                element.clear()
            elif element.tag == "image":
                raise DataError(
                    f"{location}: is 'CVAT for images', which has no tracks; export it as 'CVAT for video "
                    "1.1'"
                )
    except DefusedXmlException as error:
        raise DataError(
            f"{location}: has a document type, an entity or an external reference, which CVAT never writes; "
            f"do not trust this file ({type(error).__name__})"
        ) from error
    except ParseError as error:
        raise DataError(f"{location}: is not well-formed XML ({error}); export it again") from error
    if not tasks:
        raise DataError(f"{location}: is not CVAT XML: it has no <meta> with a task, a job or a project")
    return list(tasks.values())


def _read_meta(location: str, meta: Element) -> tuple[dict[str, _Task], list[str]]:
    """Return the tasks by id, and the names of the labels."""
    tasks = {}
    for element in [entry for tag in ("task", "job") for entry in meta.iter(tag) if len(entry)]:
        name = _element_text(element, "name") or _element_text(element, "source")
        first, size = _read_number(location, element, "start_frame"), _read_number(location, element, "size")
        stop = _read_number(location, element, "stop_frame")
        step = (_element_text(element, "frame_filter").partition("step=")[2] or "1").strip()
        end = first + size * (int(step[:10]) if step.isdecimal() else 1)
        if stop:  # Datumaro's is one too high
            end = min(end, stop + 1) if size else stop + 1
        width, height = (
            _read_number(location, element, f"original_size/{side}") for side in ("width", "height")
        )
        if end > MOST_FRAMES:
            raise DataError(f"{location}: its task has {end:,} frames; a video has at most {MOST_FRAMES:,}")
        if not name:
            raise DataError(f"{location}: its task has no <name>; wanted the video's id")
        tasks[_element_text(element, "id")] = _Task(name, VideoInfo(end, 0.0, width, height), end)
    return tasks, [text for label in meta.iter("label") if (text := _element_text(label, "name"))]


def _add_track(location: str, track: Element, tasks: dict[str, _Task], labels: list[str]) -> None:
    location = f"{location}: track {track.get('id', '?')}"
    label = track.get("label", "")
    if labels and label not in labels:
        hint = f"{', '.join(labels)}{did_you_mean(label, labels)}"
        raise DataError(f"{location}: label {label!r} is not among the task's: {hint}")
    if shapes := {child.tag for child in track} & set(_SHAPES):
        raise DataError(f"{location}: is a track of the shape {min(shapes)!r}; wanted boxes")
    try:
        task = tasks[track.get("task_id", "")] if "task_id" in track.attrib else next(iter(tasks.values()))
    except (KeyError, StopIteration) as error:
        raise DataError(f"{location}: belongs to a task that <meta> lacks") from error
    visible = _visible_intervals(location, list(track.iter("box")), task.end)
    if not visible:
        return
    name = track.get("id", str(len(task.tubes)))
    if any(tube.name == name for tube in task.tubes):
        raise DataError(f"{location}: two tracks of {task.name!r} have this id")
    frames = [frame for each, _ in visible for frame in each]
    boxes = np.concatenate([each for _, each in visible])
    attributes = {a.get("name", ""): (a.text or "").strip() for a in track.iter("attribute")}
    tube = make_tube(
        location,
        name,
        label,
        frames,
        boxes,
        task.end,
        actor=attributes.get("actor", ""),
        score=_parse_score(location, attributes.get("score", "")),
    )
    task.tubes.append(tube)


def _visible_intervals(location: str, boxes: list[Element], end: int) -> list[tuple[range, Any]]:
    """Return the intervals of M frames in which a track is visible, with their boxes (M, 4)."""
    shapes = sorted((_read_box(location, box) for box in boxes), key=lambda shape: shape[0])
    shapes = _end_at_interpolated_boxes(
        shapes, {int(b.attrib["frame"]) for b in boxes if b.get("keyframe") == "0"}
    )
    frames = [shape[0] for shape in shapes]
    if repeated := [frame for frame, next_frame in pairwise(frames) if frame == next_frame]:
        raise DataError(f"{location}: has two boxes in frame {repeated[0]}")
    if shapes and end and frames[-1] >= end and not shapes[-1][1]:
        raise DataError(
            f"{location}: has a box in frame {frames[-1]}, but its task has frames 0 to {end - 1}"
        )
    intervals: list[tuple[range, Any]] = []
    interval_shapes: list[_Shape] = []
    for shape in shapes:
        if not interval_shapes and shape[1]:
            continue
        interval_shapes.append(shape)
        if not shape[1] and shape is not shapes[-1]:
            continue
        interval_boxes = interpolate_boxes(
            np.array([s[0] for s in interval_shapes]), np.array([s[2] for s in interval_shapes])
        )
        if shape[1]:
            interval_boxes = interval_boxes[:-1]
        elif end:
            interval_boxes = np.concatenate(
                [interval_boxes, np.repeat(interval_boxes[-1:], end - 1 - shape[0], axis=0)]
            )
        intervals.append(
            (range(interval_shapes[0][0], interval_shapes[0][0] + len(interval_boxes)), interval_boxes)
        )
        interval_shapes = []
    return intervals


def _end_at_interpolated_boxes(shapes: list[_Shape], interpolated: set[int]) -> list[_Shape]:
    """Add an outside box after each interpolated box that is the last one or precedes a gap."""
    ends: list[_Shape] = []
    for (frame, outside, corners), following in zip_longest(shapes, shapes[1:]):
        if frame in interpolated and not outside:
            if following is None or (following[0] > frame + 1 and following[0] in interpolated):
                ends.append((frame + 1, True, corners))
    return sorted(shapes + ends, key=lambda shape: shape[0])


def _read_box(location: str, box: Element) -> _Shape:
    """Return the frame of a box, True if the box is outside, and its corners."""
    try:
        corners = [float(box.attrib[name]) for name in _CORNERS]
        frame, outside = int(box.attrib["frame"]), box.get("outside", "0") == "1"
        rotation = float(box.get("rotation", 0))
    except (KeyError, ValueError) as error:
        attributes = ", ".join(f"{key}={value!r}" for key, value in box.attrib.items())
        raise DataError(
            f"{location}: a box has no number for one of frame, {', '.join(_CORNERS)} ({error}); "
            f"found {attributes}"
        ) from error
    if rotation % 360:
        raise DataError(f"{location}: the box in frame {frame} is rotated by {rotation:g} degrees; wanted 0")
    if frame >= MOST_FRAMES:
        raise DataError(f"{location}: has a box after frame {MOST_FRAMES:,}, the maximum")
    if frame < 0 or corners[2] < corners[0] or corners[3] < corners[1] or not np.isfinite(corners).all():
        attributes = ", ".join(f"{name}={value:g}" for name, value in zip(_CORNERS, corners, strict=True))
        raise DataError(
            f"{location}: frame {frame}: wanted a frame from 0 on, xtl <= xbr, ytl <= ybr; found {attributes}"
        )
    return frame, outside, corners


def _parse_score(location: str, text: str) -> float | None:
    if not text:
        return None
    try:
        score = float(text)
    except ValueError:
        score = np.nan
    if not np.isfinite(score):
        raise DataError(f"{location}: the attribute 'score' is {text!r}, wanted a finite number or nothing")
    return score


def _element_text(element: Element, tag: str) -> str:
    return (element.findtext(tag) or "").strip()


def _read_number(location: str, element: Element, tag: str) -> int:
    text = _element_text(element, tag) or "0"
    if not text.isdecimal() or len(text) > 10:
        raise DataError(f"{location}: <{tag}> is {text[:40]!r}, wanted a whole number of at most 10 digits")
    return int(text)
