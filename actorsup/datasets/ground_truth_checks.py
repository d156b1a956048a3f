"""Check the ground truth of a data set for plausibility, and convert its units to those of the videos."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.datasets.base import GroundTruth
from actorsup.formats.conventions import BoxSource, Problem
from actorsup.formats.plausibility import check_lengths, check_rates, check_table

_UNKNOWN = VideoInfo(0, 0.0, 0, 0)


def check_ground_truth(truth: GroundTruth, videos: Mapping[str, VideoInfo] | None = None) -> list[Problem]:
    """Return what is implausible about the ground truth of a data set.

    Args:
        truth: The ground truth, as its reader returns it.
        videos: Length, frame rate and size of the videos, by id, 0 if unknown; None before they are known.
    """
    source = truth.source or BoxSource()
    infos = {str(name): _info_of(truth, str(name), videos or {}) for name in truth.boxes["video"].unique()}
    rows = truth.boxes
    if source.conventions.has_times:
        rows = rows.assign(frame=0)  # in another unit, so not comparable with a length
    problems = check_table(source, rows, infos, sparse=_is_sparse(truth))
    rates = {name: info.fps for name, info in (videos or {}).items()}
    lengths = {name: info.frames for name, info in (videos or {}).items()}
    problems += check_rates(source, truth.rates, rates)
    return problems + check_lengths(source, truth.frames, lengths)


def _is_sparse(truth: GroundTruth) -> bool:
    """Return whether only some frames between the annotated frames of a video are annotated."""
    return any((np.diff(frames) > 1).any() for frames in truth.annotated.values())


def _info_of(truth: GroundTruth, name: str, videos: Mapping[str, VideoInfo]) -> VideoInfo:
    """Return length and rate of a video, with the size of the frames that its boxes belong to."""
    info = videos.get(name, _UNKNOWN)
    return VideoInfo(info.frames, info.fps, *truth.size.get(name, (info.width, info.height)))


def in_frames(truth: GroundTruth, videos: Mapping[str, VideoInfo]) -> pd.DataFrame:
    """Return the boxes of a ground truth with frame indices in place of times.

    Of two boxes of a tube in one frame, the first is kept. Frames of videos of unknown rate, which are
    missing or damaged, are numbered in the order of their times: their boxes count as missed in any case.

    Args:
        truth: The ground truth.
        videos: Frame rate, and frame times if the rate varies, of the videos, by id; absent if unknown.
    """
    said, rows = (truth.source or BoxSource()).conventions, truth.boxes
    if not said.has_times:
        return rows
    numbers = rows["frame"].to_numpy(float)
    frames = (rows.groupby("video")["frame"].rank("dense").to_numpy(float) - 1).astype(np.int64)
    for video, indices in rows.groupby("video").indices.items():
        info = videos.get(str(video), _UNKNOWN)
        if info.fps > 0:
            frames[indices] = said.frames(numbers[indices], info.fps, info.times)
    rows = rows.assign(frame=frames)
    return rows.drop_duplicates(["video", "tube", "frame"]).reset_index(drop=True)
