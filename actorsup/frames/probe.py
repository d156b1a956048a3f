"""Read the size, length and peculiarities of a video without decoding all of its frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from actorsup.datasets.contents import DEFAULT_NAMING, FrameNaming
from actorsup.datasets.frame_names import FolderNote, folder_frames
from actorsup.frames.decode import decode_video
from actorsup.frames.decoded import DecodedVideo
from actorsup.frames.frame_times import RATE_TOLERANCE, FrameTimes, frame_times
from actorsup.frames.video_file import VideoFile, open_video_file, packet_times

SIZE_CHANGES = "change their frame size"
OTHER_PIXELS = "have pixels that are not square"
SEVERAL_STREAMS = "have several video streams"
OTHER_RATE = "have a frame rate in their header that contradicts their timestamps"
VARIABLE_RATE = "have a variable frame rate"
_ASPECT_TOLERANCE = 0.01
_MIN_DEVIATION = 0.1
"""Deviation from the times of the mean rate that is worth a note, in seconds."""
_NUM_PACKETS = 300
"""Number of packets whose timestamps are read, about ten seconds of video."""


@dataclass(frozen=True)
class VideoFacts:
    """Size, length and peculiarities of a video.

    Attributes:
        width: Width of the first frame in pixels.
        height: Height of the first frame in pixels.
        frames: Number of frames; 0 if unknown.
        counted: True if the frames were counted; False if ``frames`` is the header's number, which may be
            wrong.
        peculiarities: Values of what is unusual about the video, by kind, such as ``SIZE_CHANGES``, which is
            known of counted videos only.
        notes: What is unusual about the names of a folder of frames.
        fps: Frames per second; 0 if unknown.
    """

    width: int
    height: int
    frames: int
    counted: bool
    peculiarities: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[FolderNote] = ()
    fps: float = 0.0


def probe_video(path: Path, count: bool = False, naming: FrameNaming = DEFAULT_NAMING) -> VideoFacts:
    """Read the size and length of a video, decoding its first frame as a check.

    Args:
        path: Path of a video file or of a folder of frames.
        count: If True, decode the whole video to count its frames and compare their sizes. The frames of a
            folder are always counted.
        naming: How the names of the files number the frames of a folder.

    Raises:
        VideoError: The path is missing, damaged or not a video. With ``count``: any frame is damaged.
    """
    decoded = decode_video(path, naming)
    facts = VideoFacts(decoded.width, decoded.height, 0, count or path.is_dir(), fps=decoded.fps)
    timing = None
    if count:
        facts, timing = _count_frames(facts, decoded)
    if path.is_dir():
        paths, notes = folder_frames(path, naming)
        return replace(facts, frames=len(paths), notes=notes)
    file = open_video_file(path)
    with file.container:
        timing = timing or frame_times(*packet_times(file, _NUM_PACKETS), decoded.fps)
        frames = facts.frames if facts.counted else file.num_frames
        peculiarities = {**facts.peculiarities, **_describe_header(file), **_describe_times(timing, file)}
    return replace(facts, frames=frames, peculiarities=peculiarities)


def _count_frames(facts: VideoFacts, decoded: DecodedVideo) -> tuple[VideoFacts, FrameTimes]:
    """Return the facts with the number of frames and their size changes, and the times of the frames."""
    times: list[float | None] = []
    decoding_times: list[float | None] = []
    size_change: dict[str, str] = {}
    for index, frame in enumerate(decoded.frames):
        times.append(frame.time)
        decoding_times.append(frame.decoding_time)
        if frame.image is not None and not size_change:
            height, width = frame.image.shape[:2]
            if (width, height) != (facts.width, facts.height):
                sizes = f"{facts.width}x{facts.height}, then {width}x{height}"
                size_change = {SIZE_CHANGES: f"{sizes} at frame {index}"}
    timing = frame_times(times, decoding_times, decoded.fps)
    return replace(facts, frames=len(times), peculiarities=size_change), timing


def _describe_header(file: VideoFile) -> dict[str, str]:
    peculiarities = {}
    if abs(file.pixel_aspect - 1) > _ASPECT_TOLERANCE:
        peculiarities[OTHER_PIXELS] = f"{file.pixel_aspect:.4g} times as wide as high"
    if file.num_streams > 1:
        peculiarities[SEVERAL_STREAMS] = f"{file.num_streams}, stream {file.stream.index} is used"
    return peculiarities


def _describe_times(timing: FrameTimes, file: VideoFile) -> dict[str, str]:
    rate_times = np.arange(len(timing.seconds)) / timing.fps
    deviation = float(np.abs(timing.seconds - rate_times).max(initial=0))
    if deviation > _MIN_DEVIATION:
        return {VARIABLE_RATE: f"up to {deviation:.2f} s off the times of the mean rate"}
    if not timing.is_stated or any(abs(timing.fps / rate - 1) <= RATE_TOLERANCE for rate in file.rates):
        return {}
    return {OTHER_RATE: f"{max(file.rates, default=0):.4g} per second, by timestamps {timing.fps:.4g}"}
