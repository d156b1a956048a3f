"""Plausibility of the frame numbers of a file, for ``actorsup.formats.plausibility``."""

from collections.abc import Iterator

from actorsup.errors import first_few
from actorsup.formats.box_statistics import MIN_BOXES, MIN_VIDEOS, BoxStatistics
from actorsup.formats.conventions import Problem

_STEPS_OF_MILLISECONDS = ((33, 34), (16, 17), (41, 42), (66, 67), (8, 9))
"""Steps of times that are rounded to milliseconds, at 30, 60, 24, 15 and 120 frames/s."""


def check_times(s: BoxStatistics) -> Iterator[Problem]:
    """Frame numbers that are times in milliseconds."""
    known = {name: video for name, video in s.videos.items() if video.info.frames > 1}
    late = [name for name, video in known.items() if video.last >= 3 * video.info.frames]
    total = sum(s.steps.values())
    pairs = [(a, b) for a, b in _STEPS_OF_MILLISECONDS if min(s.steps[a], s.steps[b]) >= 0.15 * total]
    rounded = [(a, b) for a, b in pairs if s.steps[a] + s.steps[b] >= 0.9 * total]
    is_dense = sum(count for step, count in s.steps.items() if step < 8) > 0.1 * total
    text, guess = "", "milliseconds"
    if late and len(late) >= len(known) / 2:
        one = known[late[0]]
        text = f"frame {one.last:,} of {late[0]} has a box, but the video has {one.info.frames:,} frames"
        if is_dense:  # more than 120 boxes per second are not times
            guess = "those of another video"
    elif rounded and total >= MIN_BOXES:
        text = f"consecutive boxes of a tube are {rounded[0][0]} or {rounded[0][1]} frames apart"
    if text:
        remedy = s.source.remedy("frame_unit", None if is_dense else "milliseconds", "frames")
        yield s.source.warning(f"{text}: the frame numbers look like {guess}; {remedy}")


def check_tube_lengths(s: BoxStatistics) -> Iterator[Problem]:
    """Tubes that all have one box, in videos with boxes in several frames."""
    tubes, has_frames = s.counts["tubes"], any(video.last > video.first for video in s.videos.values())
    if tubes >= MIN_BOXES and tubes == s.counts["tubes of one box"] and has_frames:
        yield s.source.warning(
            f"all {tubes:,} tubes have one box: they look like boxes without tubes; give the boxes of an "
            "actor the same tube, or list the annotated frames in a table (annotated); "
            f"{s.source.remedy('frame_unit', None, 'frames')}",
        )


def check_frame_base(s: BoxStatistics) -> Iterator[Problem]:
    """Frame numbers from 1: the last is the number of frames, or most videos begin in frame 1."""
    if not s.videos or any(video.first < 1 for video in s.videos.values()):
        return
    known = {name: video for name, video in s.videos.items() if video.info.frames > 0}
    over = [name for name, video in known.items() if video.last == video.info.frames]
    begin = [name for name, video in s.videos.items() if video.first == 1]
    text = ""
    if over and not any(video.last > video.info.frames for video in known.values()):
        last = known[over[0]].last
        text = (
            f"the last box of {len(over):,} videos is one frame after the end, such as frame {last:,} of "
            f"{over[0]}, whose last frame is {last - 1:,}"
        )
    elif len(s.videos) >= MIN_VIDEOS and len(begin) >= 0.8 * len(s.videos):
        text = f"{len(begin):,} of {len(s.videos):,} videos begin in frame 1, such as {first_few(begin[:2])}"
    if text:
        remedy = s.source.remedy("frame_base", 1, 0)
        yield s.source.warning(f"no box is in frame 0, and {text}: frames look numbered from 1; {remedy}")
