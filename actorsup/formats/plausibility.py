"""Plausibility of the boxes, frame numbers and rates of a file: the checks that every reader goes through.

Only what is impossible is an error: all boxes smaller than a pixel, or all outside of their frames. Anything
else is a heuristic, which warns. A heuristic needs evidence that real annotation does not have: at least
``MIN_BOXES`` boxes, since a few boxes in a corner prove nothing, and shares far above those of real files, in
which under 1 % of the boxes extend beyond their frame by a tenth of its side. A setting of ``Conventions``
answers each report, and silences it.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.errors import DataError, first_few
from actorsup.formats.box_statistics import MIN_BOXES, MIN_VIDEOS, BoxStatistics
from actorsup.formats.box_units import BOX_FORMAT_NAMES
from actorsup.formats.conventions import BoxSource, Problem
from actorsup.formats.frame_plausibility import check_frame_base, check_times, check_tube_lengths
from actorsup.formats.labeled import LabeledVideo, ground_truth_table

_LOG = logging.getLogger(__name__)

_COMMON_SCALES = (1.25, 4 / 3, 1.5, 2, 2.25, 2.5, 3, 4, 4.5, 5, 6, 8)
_MIN_ODD_RATE = 1000
"""Rates from here on are more likely a time base, or 29,970 for 29.97, than a high-speed camera."""


def check_table(
    source: BoxSource,
    rows: pd.DataFrame,
    infos: Mapping[str, VideoInfo] | None = None,
    sparse: bool = False,
) -> list[Problem]:
    """Return what is implausible about the boxes of a file.

    Args:
        source: The file.
        rows: Table with the columns ``video``, ``frame``, ``x1``, ``y1``, ``x2``, ``y2`` and, for tubes,
            ``tube``.
        infos: Length, frame rate and size of videos, by id; 0 if unknown. Boxes are in pixels of these sizes.
        sparse: Whether only some frames of a video are annotated, so that a tube may have one box.
    """
    statistics = BoxStatistics(source, infos)
    statistics.add_table(rows)
    return find_problems(statistics, sparse or "tube" not in rows)


class VideoChecks:
    """Checks of labeled videos, which are added one at a time.

    Args:
        source: Their file.
        known: Length, frame rate and size of videos, by id, in place of those that the file states.
    """

    def __init__(self, source: BoxSource, known: Mapping[str, VideoInfo]) -> None:
        self._source, self._known = source, known
        self._infos: dict[str, VideoInfo] = {}
        self._stated_rates: dict[str, float] = {}
        self._statistics = BoxStatistics(source, self._infos)
        self._is_sparse = False

    def add(self, video: LabeledVideo) -> None:
        """Add a video, with the length, rate and size that the file states."""
        self._infos[video.video] = self._known.get(video.video, video.info)
        self._stated_rates[video.video] = video.info.fps
        self._is_sparse |= video.annotated is not None and bool((np.diff(video.annotated) > 1).any())
        self._statistics.add_table(ground_truth_table([video]))

    def problems(self) -> list[Problem]:
        """Return what is implausible about the videos."""
        rates = {name: info.fps for name, info in self._known.items()}
        found = find_problems(self._statistics, self._is_sparse)
        return found + check_rates(self._source, self._stated_rates, rates)


def find_problems(statistics: BoxStatistics, sparse: bool = False) -> list[Problem]:
    """Return what is implausible about the boxes of a file; arguments as those of ``check_table``."""
    said = statistics.source.conventions
    found: list[Problem] = []
    if said.box_unit is None:
        found += _check_unit(statistics)
    if not found:
        found += _check_frame_sizes(statistics)
    if not found and said.box_format is None:
        found += _check_corners(statistics)
    if said.frame_unit is None:
        found += check_times(statistics)
        found += () if sparse else check_tube_lengths(statistics)
    if said.frame_base is None and not said.has_times:
        found += check_frame_base(statistics)
    return found


def report(problems: Iterable[Problem]) -> None:
    """Log a warning for each problem.

    Raises:
        DataError: A problem is serious.
    """
    for problem in sorted(problems, key=lambda problem: not problem.serious):
        if problem.serious:
            raise DataError(problem.text)
        _LOG.warning("%s", problem.text)


def _check_unit(s: BoxStatistics) -> Iterator[Problem]:
    """Boxes within a pixel, which look like fractions; boxes within 100 or 1000, whatever the frame."""
    count, tiny, fractional = (s.counts[kind] for kind in ("boxes", "tiny", "fractional"))
    videos = [name for name, video in s.videos.items() if video.tiny == video.boxes]
    text = (
        f"{tiny:,} of {count:,} boxes lie within one pixel, such as {_examples(s, 'tiny')}: they look like "
        "fractions of the frame, but pixels are wanted"
    )
    if count and tiny == count and fractional:
        yield s.source.error(f"{text}; {s.source.remedy('box_unit', 'fraction', 'pixels')}")
    # single tiny boxes are mistakes; whole videos of them, or a majority, are another unit
    elif fractional >= MIN_BOXES and (tiny > count / 2 or sum(s.videos[v].tiny for v in videos) > tiny / 2):
        where = f", in {first_few(videos)}" if videos else ""
        remedy = s.source.remedy("box_unit", None, "pixels")
        yield s.source.warning(f"{text}{where}; write all boxes of a file in one unit; {remedy}")
    if s.counts["sized"] < MIN_BOXES:
        return
    # an actor may stay in a corner, but not fill it, and several do not stay in the same
    filled = s.high - s.low
    for unit, value, min_frame, min_tubes in ((100, "percent", 200, 3), (1000, "1000x1000", 1050, MIN_BOXES)):
        is_within = (s.low >= -0.02 * unit).all() and (s.high <= 1.02 * unit).all()
        is_smaller = (s.smallest_frame >= min_frame).all()
        is_common = s.counts["tubes"] >= min_tubes and (s.smallest_frame >= 4 * unit).all()
        is_filled = (filled >= 0.7 * unit).all() and (unit == 100 or s.counts["tubes"] >= min_tubes)
        if is_within and is_smaller and (is_filled or (is_common and (s.high >= 0.5 * unit).all())):
            yield s.source.warning(
                f"all boxes lie within 0 to {unit} in frames of {_sizes(s)}, such as "
                f"{_examples(s, 'example')}: they look like {value if unit == 100 else 'thousandth'}s of the "
                f"frame, but pixels are wanted; {s.source.remedy('box_unit', value, 'pixels')}"
            )


def _check_frame_sizes(s: BoxStatistics) -> Iterator[Problem]:
    """Boxes that extend beyond their frame: other numbers than wanted, or boxes of other frames."""
    said, count, beyond = s.source.conventions, s.counts["sized"], s.counts["beyond"]
    all_outside = 0 < s.counts["area"] == s.counts["outside"]
    is_common = beyond >= 0.1 * count if count >= MIN_BOXES else beyond >= max(count / 2, 3)
    if not (all_outside or is_common):
        return
    problem = s.source.error if all_outside else s.source.warning
    text = (
        f"{count if all_outside else beyond:,} of {count:,} boxes "
        f"{'lie outside of' if all_outside else 'extend far beyond'} their frames of {_sizes(s)}, such as "
        f"{_examples(s, 'outside' if all_outside else 'beyond')}; they look like"
    )
    sample = s.counts["sample"]
    others = [name for name in BOX_FORMAT_NAMES if s.counts[f"fits {name}"] >= 0.98 * sample]
    if said.box_format is None and others and s.box_format not in others:
        rotated = ", or the video is rotated" if others[0] == "yxyx" else ""
        names = f"{BOX_FORMAT_NAMES[others[0]]}{rotated}, but {BOX_FORMAT_NAMES[s.box_format]} is wanted"
        remedy = s.source.remedy("box_format", others[0], s.box_format)
        yield problem(f"{text} {names}; {remedy}")
    elif said.box_unit is None:
        yield problem(f"{text} {_describe_other_size(s)}")


def _describe_other_size(s: BoxStatistics) -> str:
    """Describe the frames that boxes which extend beyond theirs seem to belong to."""
    if (s.high > 800).all() and (s.high <= 1020).all() and (s.smallest_frame < 800).all():
        return f"thousandths of the frame; {s.source.remedy('box_unit', '1000x1000', 'pixels')}"
    factor = float(s.relative_high.max())
    # boxes seldom reach the border of their frame, so the factor is a lower bound
    scale = next((common for common in _COMMON_SCALES if common >= 0.97 * factor), factor)
    sizes = [f"{round(width * scale)}x{round(height * scale)}" for width, height in s.frame_sizes]
    size = f"WIDTHxHEIGHT of these frames{f', such as {sizes[0]}' if len(sizes) == 1 else ''}"
    amount = f"at least {factor:.3g} times"
    if factor >= 0.9 * scale:
        amount = "twice" if scale == 2 else f"about {scale:.3g} times"
        size = sizes[0] if len(sizes) == 1 else size
    remedy = s.source.remedy("box_unit", size, "pixels")
    return f"boxes of frames {amount} as large, or of another video; {remedy}"


def _check_corners(s: BoxStatistics) -> Iterator[Problem]:
    """Width and height in place of x2 and y2, though never smaller than x and y.

    Such boxes begin near the origin and shrink as x grows: x + width and y + height stay within the frame,
    and x2 keeps its value while x1 moves. Real boxes of one actor may be in the upper left quarter of the
    frame, and real boxes of an actor that enters from the right keep their x2, but not both.
    """
    count = s.counts["sized"]
    if s.box_format != "xyxy" or count < MIN_BOXES or s.counts["upper left"] < 0.99 * count:
        return
    x1, y1, x2, y2 = s.spread / count
    moves = 0.03**2  # a standard deviation of 3 % of the side
    keeps_size = (x1 > moves and x2 < 0.1 * x1) or (y1 > moves and y2 < 0.1 * y1)
    fills_frames = len(s.videos) >= MIN_VIDEOS and (s.relative_sum > 0.7).all()
    others = [name for name in ("xywh", "cxcywh") if s.counts[f"fits {name}"] >= 0.98 * s.counts["sample"]]
    if others and (keeps_size or fills_frames):
        names = " or ".join(BOX_FORMAT_NAMES[name] for name in others)
        yield s.source.warning(
            "all boxes begin near the upper left corner and shrink as they move away from it, such as "
            f"{_examples(s, 'example')}: they look like {names}, but {BOX_FORMAT_NAMES['xyxy']} is wanted; "
            f"{s.source.remedy('box_format', ' or '.join(others), 'xyxy')}",
        )


def check_rates(source: BoxSource, stated: Mapping[str, float], actual: Mapping[str, float]) -> list[Problem]:
    """Return contradictions between the frame rates in a file and those of the videos.

    Args:
        source: The file.
        stated: Frames per second in the file, by video; 0 if unknown.
        actual: Frames per second of the videos, by video; 0 if unknown.
    """
    # seqinfo.ini rounds rates to whole numbers, and rates of phones vary by a few percent
    different = [
        name
        for name, fps in stated.items()
        if fps > 0 and actual.get(name, 0) > 0 and abs(fps - actual[name]) > 0.51 + 0.03 * actual[name]
    ]
    odd = [name for name, fps in stated.items() if fps >= _MIN_ODD_RATE]
    if source.conventions.frame_unit is not None or not (different or odd):
        return []
    name = (different or odd)[0]
    found = f"{stated[name]:.6g} frames/s for {name}"
    remedy = source.remedy("frame_unit", None, "frames")
    if not different:
        found += f": is the rate in thousandths, such as 29970 for 29.97? {remedy}"
    else:
        found += f", which has {actual[name]:.6g}; {len(different):,} videos have another rate than stated"
        found += f": are the frame numbers those of another version of the video? {remedy}"
    return [source.warning(found)]


def check_lengths(source: BoxSource, stated: Mapping[str, int], actual: Mapping[str, int]) -> list[Problem]:
    """Return whether numbers of frames in a file differ from those of the videos by one factor.

    Args:
        source: The file.
        stated: Number of frames of each video in the file; 0 if unknown.
        actual: Number of frames of each video; 0 if unknown.
    """
    names = [name for name, count in stated.items() if count > 1 and actual.get(name, 0) > 1]
    if source.conventions.frame_unit is not None or not names:
        return []
    ratios = np.array([stated[name] / actual[name] for name in names])
    factor = float(np.median(ratios))
    if abs(factor - 1) <= 0.1 or (np.abs(ratios / factor - 1) > 0.05).mean() > 0.1:
        return []
    name = names[int(np.argmin(np.abs(ratios - factor)))]
    remedy = source.remedy("frame_unit", None, "frames")
    return [
        source.warning(
            f"states {factor:.3g} times as many frames as the videos have, such as {stated[name]:,} for "
            f"{name}, which has {actual[name]:,}: they look like frames of another rate; {remedy}",
        )
    ]


def check_ends(source: BoxSource, stated: Mapping[str, int], ends: Mapping[str, int]) -> list[Problem]:
    """Return whether the ground truth of all videos ends at the same share of the length that a file states.

    Args:
        source: The file.
        stated: Number of frames of each video in the file; 0 if unknown.
        ends: Last frame with ground truth + 1, by video.
    """
    names = [name for name, count in stated.items() if count > 1 and ends.get(name, 0) > 1]
    # videos of one length may have been cut around the action
    if source.conventions.frame_unit is not None or len({stated[name] for name in names}) < MIN_VIDEOS:
        return []
    shares = np.array([ends[name] / stated[name] for name in names])
    share = float(np.median(shares))
    if abs(share - 1) <= 0.1 or (np.abs(shares / share - 1) > 0.03).mean() > 0.1:
        return []
    remedy = source.remedy("frame_unit", None, "frames")
    text = (
        f"the ground truth of {len(names):,} videos ends at {share:.2f} of their length, such as frame "
        f"{ends[names[0]]:,} of {stated[names[0]]:,} of {names[0]}: one of both looks like another frame rate"
    )
    return [source.warning(f"{text}; {remedy}")]


def check_scores(source: BoxSource, score: NDArray) -> list[Problem]:
    """Return whether the scores (N,) of detections, which lie in [0, 1], are percents."""
    score = score[np.isfinite(score)]
    above = score[score > 1]
    if len(above) < 2 or len(above) < 0.1 * len(score) or score.min() < 0 or score.max() > 100:
        return []
    text = f"{len(above):,} of {len(score):,} scores are above 1, such as {above[0]:g} and {above[1]:g}"
    return [source.error(f"{text}: they look like percents; wanted 0 to 1; divide them by 100")]


def _examples(s: BoxStatistics, kind: str) -> str:
    return " and ".join(s.examples.get(kind, ()))


def _sizes(s: BoxStatistics) -> str:
    return " and ".join(f"{width}x{height}" for width, height in sorted(s.frame_sizes))
