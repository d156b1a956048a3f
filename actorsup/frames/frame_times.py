"""Presentation times of the frames of a video, and its frame rate, from timestamps that may be wrong."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

RATE_TOLERANCE = 0.05
"""Relative difference from which the rate of a header counts as wrong."""

_RATE_RANGE = (0.01, 2000.0)
"""Plausible mean frame rates of timestamps, in frames per second."""
_MIN_KNOWN = 0.5
"""Fraction of the frames that must have a timestamp; with fewer, the stated frame rate counts."""
_MAX_JITTER = 0.1
"""Maximum difference from the times of a constant rate, relative to the duration of a frame."""
_ROUNDING = 0.00101
"""Maximum difference from the times of a constant rate in containers that count milliseconds, in seconds."""


@dataclass(frozen=True)
class FrameTimes:
    """Times of the N frames of a video.

    Attributes:
        seconds: (N,) float64, start of each frame in seconds from the first frame, strictly increasing.
        fps: Frames per second: the constant rate, or the mean rate.
        is_constant: Whether frame ``i`` starts at ``i / fps``, up to the rounding of timestamps.
        is_stated: Whether the times are those of timestamps; False if they follow from a stated rate.
    """

    seconds: NDArray[np.float64]
    fps: float
    is_constant: bool
    is_stated: bool


def frame_times(
    times: Sequence[float | None], decoding_times: Sequence[float | None], stated_fps: float
) -> FrameTimes:
    """Return the times and the rate of the frames of a video.

    Frames are shown in the order in which they decode, so their times must increase. Where the presentation
    times do not, but the decoding times do (as in AVI files with reordered frames), the decoding times count.
    If fewer than half of the frames have a timestamp, or the mean rate is impossible, the stated rate counts.

    Args:
        times: Presentation time of each frame in seconds; None if missing.
        decoding_times: Decoding time of each frame in seconds; None if missing.
        stated_fps: Frames per second that the header states, positive.
    """
    candidates = [np.array([np.nan if t is None else t for t in c]) for c in (times, decoding_times)]
    stamps = min(candidates, key=_count_faults)
    length = len(stamps)
    if length > 1 and np.isfinite(stamps).mean() >= _MIN_KNOWN and (seconds := repair(stamps)) is not None:
        mean_fps = float((length - 1) / seconds[-1])
        if _RATE_RANGE[0] <= mean_fps <= _RATE_RANGE[1]:
            for fps in (stated_fps, _round_rate(mean_fps)):
                if _is_constant(seconds, fps):
                    return FrameTimes(seconds, fps, True, True)
            return FrameTimes(seconds, mean_fps, False, True)
    return FrameTimes(np.arange(length) / stated_fps, stated_fps, True, False)


def repair(stamps: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return strictly increasing times from 0, or None if the timestamps hold too little.

    A timestamp outside of the times before and after it is ignored. Where the clock jumps back, as in joined
    recordings, time continues one median step after the frame before. A missing or repeated timestamp is
    interpolated between its neighbors; before the first and after the last one, frames take a median step.

    Args:
        stamps: (N,) timestamps in seconds; NaN where missing.
    """
    known = np.flatnonzero(np.isfinite(stamps)).tolist()
    values = stamps[known].tolist()
    kept = [
        i
        for i in range(len(known))
        if i in (0, len(known) - 1)
        or values[i - 1] >= values[i + 1]
        or values[i - 1] <= values[i] <= values[i + 1]
    ]
    steps = np.diff(np.array([values[i] for i in kept])) / np.diff(np.array([known[i] for i in kept]))
    if not (steps > 0).any():
        return None
    step = float(np.median(steps[steps > 0]))
    frames, seconds = _continue_clock([(known[i], values[i]) for i in kept], step)
    all_frames = np.arange(len(stamps))
    result = np.interp(all_frames, frames, seconds)
    result[: frames[0]] = seconds[0] - step * (frames[0] - all_frames[: frames[0]])
    result[frames[-1] :] = seconds[-1] + step * (all_frames[frames[-1] :] - frames[-1])
    return result - result[0]


def _continue_clock(stamps: Iterable[tuple[int, float]], step: float) -> tuple[list[int], list[float]]:
    """Return the frames and times that remain, with one clock from the first to the last frame."""
    frames: list[int] = []
    seconds: list[float] = []
    shift, last = 0.0, -np.inf
    for frame, time in stamps:
        if time == last:
            continue
        if time < last:
            shift = seconds[-1] + step * (frame - frames[-1]) - time
        frames.append(frame)
        seconds.append(time + shift)
        last = time
    return frames, seconds


def _count_faults(stamps: NDArray[np.float64]) -> int:
    known = stamps[np.isfinite(stamps)]
    return int((np.diff(known) <= 0).sum()) + len(stamps) - len(known)


def _round_rate(fps: float) -> float:
    """Return a rate such as 30000/1001 or 25 instead of one that differs by rounding only."""
    fraction = float(Fraction(fps).limit_denominator(1001))
    return fraction if abs(fraction - fps) < 1e-6 * fps else fps


def _is_constant(seconds: NDArray[np.float64], fps: float) -> bool:
    tolerance = max(_MAX_JITTER / fps, _ROUNDING)
    return bool((np.abs(seconds - np.arange(len(seconds)) / fps) <= tolerance).all())
