"""Read and write the ground-truth table as labeled videos, one at a time in memory."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from actorsup.artifacts.atomic import open_text_atomically
from actorsup.artifacts.tube_files import VideoInfo
from actorsup.formats.box_store import BoxStore
from actorsup.formats.checked_table import checked_chunks
from actorsup.formats.conventions import Conventions
from actorsup.formats.coverage import annotated_frames_of_rows, frames_to_name, frames_with_boxes
from actorsup.formats.ground_truth_csv import GROUND_TRUTH_COLUMNS, split_rows
from actorsup.formats.labeled import UNKNOWN_INFO, LabeledVideo, ground_truth_table, make_tube
from actorsup.formats.video_ids import video_id


def read_labeled_csv(
    source: Path, conventions: Conventions, infos: Mapping[str, VideoInfo]
) -> Iterator[LabeledVideo]:
    """Yield the videos of a ground-truth table, whose boxes may be larger than the memory."""
    store, named = BoxStore(source, np.float64), []
    for chunk in checked_chunks(source, conventions, infos, rename=video_id):
        boxes, without_box = split_rows(chunk)
        if len(without_box):
            named.append(without_box[["video", "frame"]])
        store.add(boxes)
    store.finish()
    frames_of = {str(name): rows for name, rows in pd.concat(named).groupby("video")} if named else {}
    for video in sorted({*store.videos(), *frames_of}):
        tubes = []
        for name, (action, actor) in store.labels(video).items():
            location = f"{source}: {video}: tube {name}"
            tubes.append(make_tube(location, name, action, *store.boxes(video, name), actor=actor))
        annotated = None
        if video in frames_of:
            with_boxes = pd.DataFrame({"frame": frames_with_boxes(tuple(tubes))}).assign(video=video)
            annotated = annotated_frames_of_rows(frames_of[video], with_boxes)[video]
        yield LabeledVideo(video, UNKNOWN_INFO, tuple(tubes), annotated)


def write_labeled_csv(videos: Iterable[LabeledVideo], output: Path) -> None:
    """Write the boxes as a ground-truth table, with rows without a box that state the annotated frames.

    Args:
        videos: Videos, iterated over twice.
        output: Path of the table to write.
    """
    has_actors = any([any(tube.actor for tube in video.tubes) for video in videos])
    columns = GROUND_TRUTH_COLUMNS if has_actors else GROUND_TRUTH_COLUMNS[:-1]
    with open_text_atomically(output) as stream:
        stream.write(",".join(columns) + "\n")
        for video in videos:
            boxes = ground_truth_table([video]).reindex(columns=columns, fill_value="")
            _append_csv(stream, boxes)
            named = [str(frame) if frame is not None else "" for frame in frames_to_name(video)]
            rows = pd.DataFrame({"video": video.video, "frame": named}, dtype=object)
            _append_csv(stream, rows.reindex(columns=columns, fill_value=""))


def _append_csv(stream: TextIO, rows: pd.DataFrame) -> None:
    stream.write(rows.to_csv(index=False, header=False, lineterminator="\n", float_format="%.8g"))
