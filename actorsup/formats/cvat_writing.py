"""Write CVAT XML 1.1 "for video": one file per task, which is one video."""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

from actorsup import __version__
from actorsup.artifacts.atomic import write_text_atomically
from actorsup.artifacts.tube_files import VideoInfo
from actorsup.errors import DataError
from actorsup.formats.archive import archive_writer, safe_relative_path
from actorsup.formats.labeled import (
    DECIMALS,
    LabeledTube,
    LabeledVideo,
    class_names,
    interpolate_boxes,
    require_info,
)

_ATTRIBUTES = ("score", "actor")


def write_cvat(
    videos: Iterable[LabeledVideo], output: Path, classes: Sequence[str] = (), tolerance: float = 0.0
) -> None:
    """Write videos as one CVAT ``.xml`` file, or as a folder or zip of ``<video>.xml``.

    A folder or zip also gets ``labels.json``, to paste as the raw labels of a CVAT task.

    Args:
        videos: Videos of known length and frame size.
        output: Path of an ``.xml`` file for one video, of a ``.zip``, or of a new folder.
        classes: Names of all classes; if empty, the classes of the tubes.
        tolerance: Maximum error in pixels of boxes that CVAT interpolates instead of keyframes; 0 writes
            every box as a keyframe.

    Raises:
        DataError: A length or frame size is unknown, an ``.xml`` output has not exactly one video, or a name
            is not valid in XML.
    """
    if output.suffix.lower() == ".xml":
        remaining = iter(videos)
        first_video = next(remaining, None)
        count = (first_video is not None) + sum(1 for _ in remaining)
        if first_video is None or count != 1:
            raise DataError(
                f"{output}: CVAT's XML holds one task, so one video, but there are {count}; name one with "
                "--only, or a folder as the output"
            )
        write_text_atomically(output, cvat_xml(first_video, classes, str(output), tolerance))
        return
    class_set: set[str] = set()
    with archive_writer(output) as add:
        for video in videos:
            add(f"{safe_relative_path(video.video)}.xml", cvat_xml(video, classes, str(output), tolerance))
            class_set |= {*class_names([video])}
        add(
            "labels.json",
            json.dumps(_raw_labels(classes or sorted(class_set)), indent=1, ensure_ascii=False) + "\n",
        )


def cvat_xml(video: LabeledVideo, classes: Sequence[str], location: str, tolerance: float = 0.0) -> str:
    """Return the CVAT XML of a task with the tubes of one video.

    Args:
        video: Video of known length and frame size.
        classes: Names of all classes; if empty, the classes of the tubes.
        location: File name, for messages.
        tolerance: Maximum error of interpolated boxes in pixels; 0 writes every box as a keyframe.

    Raises:
        DataError: The length or frame size is unknown, or a name is not valid in XML.
    """
    info = require_info(location, video)
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f"<!-- actorsup {__version__} -->", "<annotations>"]
    lines += ["  <version>1.1</version>", _meta(video.video, info, classes or class_names([video]))]
    for number, tube in enumerate(video.tubes):
        lines.append(f'  <track id="{number}" label={quoteattr(tube.action)} source="auto">')
        lines += _boxes(tube, info.frames, tolerance)
        lines.append("  </track>")
    text = "\n".join([*lines, "</annotations>", ""])
    if wrong := next((c for c in text if (ord(c) < 32 and c not in "\n\t\r") or c in "\ufffe\uffff"), None):
        raise DataError(
            f"{location}: {video.video}: a name holds the character {wrong!r}, which XML cannot hold; "
            "rename it"
        )
    return text


def _meta(name: str, info: VideoInfo, classes: Sequence[str]) -> str:
    """Return the ``<meta>`` element of a task."""
    meta = Element("meta")
    task = SubElement(meta, "task")
    _add_texts(task, id=0, name=name, size=info.frames, mode="interpolation")
    _add_texts(task, overlap=0, bugtracker="", flipped=False)
    labels = SubElement(task, "labels")
    for raw in _raw_labels(classes):
        label = SubElement(labels, "label")
        SubElement(label, "name").text = raw["name"]
        attributes = SubElement(label, "attributes")
        for attribute in raw["attributes"]:
            _add_texts(SubElement(attributes, "attribute"), **attribute | {"values": ""})
    segment = SubElement(SubElement(task, "segments"), "segment")
    _add_texts(segment, id=0, start=0, stop=info.frames - 1, url="")
    _add_texts(SubElement(task, "original_size"), width=info.width, height=info.height)
    indent(meta, level=1)
    return "  " + tostring(meta, encoding="unicode")


def _add_texts(parent: Element, **texts: object) -> None:
    for tag, text in texts.items():
        SubElement(parent, tag).text = str(text)


def _raw_labels(classes: Sequence[str]) -> list[dict[str, Any]]:
    of_label = [
        {"name": name, "mutable": False, "input_type": "text", "default_value": "", "values": [""]}
        for name in _ATTRIBUTES
    ]
    return [{"name": name, "attributes": of_label} for name in classes]


def _boxes(tube: LabeledTube, frames: int, tolerance: float) -> Iterator[str]:
    """Yield the boxes of a track: those of each interval without gaps, then an outside box."""
    attributes = "" if tube.score is None else f'      <attribute name="score">{tube.score:.6g}</attribute>\n'
    if tube.actor:
        attributes += f'      <attribute name="actor">{escape(tube.actor)}</attribute>\n'
    breaks = np.flatnonzero(np.diff(tube.frames) > 1) + 1
    for at, boxes in zip(np.split(tube.frames, breaks), np.split(tube.boxes, breaks), strict=True):
        if not len(at):
            continue
        rounded = np.round(boxes, DECIMALS) + 0.0  # no -0.00
        keys = keyframes(at, rounded, tolerance)
        for frame, box in zip(at[keys], rounded[keys], strict=True):
            yield _box(int(frame), box, 0, attributes)
        if at[-1] + 1 < frames:
            yield _box(int(at[-1]) + 1, rounded[-1], 1, attributes)


def _box(frame: int, box: NDArray, outside: int, attributes: str) -> str:
    corners = zip(("xtl", "ytl", "xbr", "ybr"), box, strict=True)
    location = " ".join(f'{name}="{value:.{DECIMALS}f}"' for name, value in corners)
    start = f'    <box frame="{frame}" outside="{outside}" occluded="0" keyframe="1" {location} z_order="0">'
    return f"{start}\n{attributes}    </box>"


def keyframes(frames: NDArray[np.int64], boxes: NDArray[np.float64], tolerance: float) -> NDArray[np.int64]:
    """Return the indices of the boxes from which linear interpolation reproduces the other boxes.

    The algorithm is that of Ramer 1972, and Douglas and Peucker 1973.

    Args:
        frames: (M,) frame indices, ascending without gaps.
        boxes: (M, 4) xyxy boxes in pixels.
        tolerance: Maximum error of an interpolated corner coordinate in pixels; 0 returns all indices.
    """
    last = len(frames) - 1
    if tolerance <= 0:
        return np.arange(last + 1)
    kept, todo = {0, last}, [(0, last)]
    while todo:
        first, end = todo.pop()
        line = interpolate_boxes(frames[[first, end]], boxes[[first, end]]) if end > first else boxes[first:]
        missed = np.abs(line - boxes[first : end + 1]).max(1)
        worst = first + int(np.argmax(missed))
        if missed.max() > tolerance:
            kept.add(worst)
            todo += [(first, worst), (worst, end)]
    return np.array(sorted(kept))
