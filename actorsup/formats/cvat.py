"""Read CVAT XML 1.1 "for video": the tracks of a task, of a job, or of the tasks of a project.

The format follows CVAT's page "XML annotation format", version 1.1. Frames are 0-based frame numbers
of the video, for any frame step of the task; corners are continuous 0-based pixel coordinates. Boxes
between two boxes of a track are interpolated linearly; a box with ``outside="1"`` ends a visible interval of
the track; a track whose last box is not outside continues to the end of the task, as in CVAT's editor. Boxes
with ``keyframe="0"`` are interpolated already, so a track neither continues after them nor up to them. CVAT
writes them for every frame; Datumaro, which marks no gap and no end, for the frames that have a box. The
annotated frames are those of the task: from its first to its last by its step.
"""

import logging
from collections import Counter
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import IO, Any
from xml.etree.ElementTree import Element, ParseError

import numpy as np

from actorsup.artifacts.tube_files import MOST_FRAMES
from actorsup.errors import DataError, did_you_mean, report_read_errors
from actorsup.formats.archive import Archive
from actorsup.formats.cvat_tasks import CvatTask, read_meta
from actorsup.formats.labeled import LabeledVideo, interpolate_boxes, make_tube

_LOG = logging.getLogger(__name__)
_SHAPES = ("polygon", "polyline", "points", "cuboid", "ellipse", "mask", "skeleton")
_CORNERS = ("xtl", "ytl", "xbr", "ybr")
_MAX_ROTATION = 0.5
"""Maximum rotation of a box in degrees that is ignored: what remains after a box is rotated back by hand."""
_Shape = tuple[int, bool, list[float]]
"""Frame of a box, True if the box is outside, and its corners."""


def read_cvat(path: Path, name: str | None = None) -> list[LabeledVideo]:
    """Read the tracks of an XML file, or of all XML files of a zip or a folder.

    The video id is the name of the task, or of its source if the task has none. Boxes after the task's last
    frame and rotations of up to half a degree are ignored with a warning.

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
    _check_names(path, tasks)
    return [LabeledVideo(task.name, task.info, (*task.tubes.values(),), task.annotated) for task in tasks]


def _check_names(path: Path, tasks: list[CvatTask]) -> None:
    names = [task.name for task in tasks]
    if "" in names:
        raise DataError(
            f"{path}: its task has no <name>; name the video: `actorsup convert FILE boxes.csv --name VIDEO`"
        )
    if repeated := [task for task in tasks if names.count(task.name) > 1]:
        if any(task.is_job for task in repeated):
            raise DataError(
                f"{path}: has two jobs of {repeated[0].name!r}, and CVAT cuts tracks where a job ends; "
                "export the task, not its jobs"
            )
        raise DataError(
            f"{path}: two tasks are called {repeated[0].name!r}; task names become video ids; rename one"
        )


def _read_tasks(path: Path) -> list[CvatTask]:
    if path.suffix.lower() == ".xml":
        with open(path, "rb") as stream:
            return _read_xml(str(path), stream)
    archive = Archive(path, (".xml",))
    tasks = []
    for member in archive.names:
        with archive.open(member) as stream:
            tasks += _read_xml(f"{path}: {member}", stream)
    return tasks


def _read_xml(location: str, stream: IO[bytes]) -> list[CvatTask]:
    """Read the tasks of one XML file, track by track."""
    from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
    from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]

    tasks: dict[str, CvatTask] = {}
    labels: list[str] = []
    ignored: Counter[str] = Counter()
    try:
        for _, element in iterparse(stream, events=("end",), forbid_dtd=True):
            if element.tag == "meta":
                tasks, labels = read_meta(location, element)
            elif element.tag == "track":
                _add_track(location, element, tasks, labels, ignored)
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
    for message, count in ignored.items():
        _LOG.warning("%s: %d %s", location, count, message)
    return list(tasks.values())


def _add_track(
    location: str, track: Element, tasks: dict[str, CvatTask], labels: list[str], ignored: Counter[str]
) -> None:
    """Add the tube of a track to its task; count what is ignored, by message."""
    location = f"{location}: track {track.get('id', '?')}"
    label = track.get("label", "")
    if labels and label not in labels:
        hint = f"{', '.join(labels)}{did_you_mean(label, labels)}"
        raise DataError(f"{location}: label {label!r} is not among the task's: {hint}")
    if shapes := {child.tag for child in track} & set(_SHAPES):
        raise DataError(
            f"{location}: is a track of the shape {min(shapes)!r}; wanted boxes; delete it, or draw it as a "
            "rectangle"
        )
    task = _task_of(location, track, tasks)
    shapes_of_track = _unique_shapes(
        location, [_read_box(location, box, ignored) for box in track.iter("box")]
    )
    _count_late(location, task, shapes_of_track, ignored)
    interpolated = {int(box.attrib["frame"]) for box in track.iter("box") if box.get("keyframe") == "0"}
    visible = _visible_intervals(_end_at_interpolated_boxes(shapes_of_track, interpolated), task.end)
    if not visible:
        return
    name = track.get("id", str(len(task.tubes)))
    if name in task.tubes:
        raise DataError(f"{location}: two tracks of {task.name!r} have this id")
    frames = [frame for each, _ in visible for frame in each]
    boxes = np.concatenate([each for _, each in visible])
    attributes = {a.get("name", ""): (a.text or "").strip() for a in track.iter("attribute")}
    score = _parse_score(location, attributes.get("score", ""))
    actor = attributes.get("actor", "")
    task.tubes[name] = make_tube(location, name, label, frames, boxes, task.end, actor=actor, score=score)
    task.drawn.update(frame for frame, outside, _ in shapes_of_track if not outside and frame < task.end)


def _task_of(location: str, track: Element, tasks: dict[str, CvatTask]) -> CvatTask:
    task_id = track.get("task_id")
    if task_id is None and len(tasks) == 1:
        return next(iter(tasks.values()))
    if task_id not in tasks:
        raise DataError(f"{location}: belongs to the task {task_id!r}, which <meta> lacks; export it again")
    return tasks[task_id]


def _unique_shapes(location: str, shapes: list[_Shape]) -> list[_Shape]:
    """Return the boxes of a track in the order of their frames, without repetitions of a box."""
    shapes = sorted(shapes, key=lambda shape: shape[0])
    unique = shapes[:1] + [shape for previous, shape in pairwise(shapes) if shape != previous]
    for previous, shape in pairwise(unique):
        if previous[0] == shape[0]:
            raise DataError(
                f"{location}: has two boxes in frame {shape[0]}, which differ: {_text(previous)} and "
                f"{_text(shape)}; delete one"
            )
    return unique


def _text(shape: _Shape) -> str:
    corners = ", ".join(f"{value:g}" for value in shape[2])
    return f"{'outside ' if shape[1] else ''}{corners}"


def _count_late(location: str, task: CvatTask, shapes: list[_Shape], ignored: Counter[str]) -> None:
    """Count the boxes after the last frame of the task."""
    late = [frame for frame, _, _ in shapes if 0 < task.end <= frame]
    if late and task.is_job and not all(outside for frame, outside, _ in shapes if frame in late):
        raise DataError(
            f"{location}: has a box in frame {late[0]}, but its job ends in frame {task.end - 1}; CVAT "
            "counts the frames of a job from the first of its task, which this file lacks; export the task"
        )
    if late:
        ignored[f"boxes after the last frame of their task, {task.end - 1}, are ignored"] += len(late)


def _end_at_interpolated_boxes(shapes: list[_Shape], interpolated: set[int]) -> list[_Shape]:
    """Add an outside box after each interpolated box that is the last one or precedes a gap."""
    ends: list[_Shape] = []
    for (frame, outside, corners), following in zip_longest(shapes, shapes[1:]):
        if frame in interpolated and not outside:
            if following is None or (following[0] > frame + 1 and following[0] in interpolated):
                ends.append((frame + 1, True, corners))
    return sorted(shapes + ends, key=lambda shape: shape[0])


def _visible_intervals(shapes: list[_Shape], end: int) -> list[tuple[range, Any]]:
    """Return the intervals of M frames in which a track is visible, with their boxes (M, 4)."""
    intervals: list[tuple[range, Any]] = []
    interval_shapes: list[_Shape] = []
    for shape in shapes:
        if not interval_shapes and shape[1]:
            continue
        interval_shapes.append(shape)
        if not shape[1] and shape is not shapes[-1]:
            continue
        boxes = interpolate_boxes(
            np.array([s[0] for s in interval_shapes]), np.array([s[2] for s in interval_shapes])
        )
        first = interval_shapes[0][0]
        if shape[1]:
            boxes = boxes[:-1]
        elif end:
            boxes = np.concatenate([boxes, np.repeat(boxes[-1:], max(0, end - 1 - shape[0]), axis=0)])
        boxes = boxes[: max(0, end - first)] if end else boxes
        if len(boxes):
            intervals.append((range(first, first + len(boxes)), boxes))
        interval_shapes = []
    return intervals


def _read_box(location: str, box: Element, ignored: Counter[str]) -> _Shape:
    """Return a box; count it if its small rotation is ignored."""
    try:
        corners = [float(box.attrib[name]) for name in _CORNERS]
        frame, outside = int(box.attrib["frame"]), box.get("outside", "0").lower() in ("1", "true")
        rotation = float(box.get("rotation", 0))
    except (KeyError, ValueError) as error:
        attributes = ", ".join(f"{key}={value!r}" for key, value in box.attrib.items())
        raise DataError(
            f"{location}: a box has no number for one of frame, {', '.join(_CORNERS)} ({error}); "
            f"found {attributes}"
        ) from error
    angle = (rotation + 180) % 360 - 180
    if not abs(angle) <= _MAX_ROTATION:
        raise DataError(
            f"{location}: the box in frame {frame} is rotated by {rotation:g} degrees; wanted 0; draw it in "
            "CVAT with sides along those of the image"
        )
    if angle:
        ignored["boxes are rotated by up to half a degree, which is ignored"] += 1
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
