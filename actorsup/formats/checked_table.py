"""Read a ground-truth table that may be larger than the memory, and check its numbers for plausibility."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from actorsup.artifacts.tube_files import VideoInfo
from actorsup.formats.box_statistics import BoxStatistics
from actorsup.formats.conventions import EXACT, BoxSource, Conventions, in_pixels_and_frames
from actorsup.formats.ground_truth_csv import ground_truth_chunks
from actorsup.formats.plausibility import find_problems, report


def checked_chunks(
    path: Path,
    conventions: Conventions,
    infos: Mapping[str, VideoInfo],
    sparse: bool = False,
    rename: Callable[[str], str] = str,
) -> Iterator[pd.DataFrame]:
    """Yield the rows of a ground-truth table in chunks, in pixels and frames; log warnings at the end.

    Args:
        path: Path of the table.
        conventions: What its numbers are; ``EXACT`` skips the checks.
        infos: Length, frame rate and size of videos, by id.
        sparse: Whether only some frames of a video are annotated; rows without a box say so too.
        rename: Function from the name of a video in the table to its id.

    Raises:
        DataError: The table is invalid, its boxes are impossible, or a conversion lacks a size or rate.
    """
    statistics = BoxStatistics(BoxSource(str(path), "xyxy", conventions), infos)
    for chunk in ground_truth_chunks(path, conventions=conventions):
        names = {name: rename(str(name)) for name in chunk["video"].unique()}
        chunk = chunk.assign(video=chunk["video"].map(names))
        if conventions != EXACT:
            statistics.add_table(chunk)
            sparse = sparse or bool(chunk["x1"].isna().any())
        yield in_pixels_and_frames(str(path), chunk, conventions, infos)
    report(find_problems(statistics, sparse))
