"""Write the table of videos, ``videos.csv``: label, split, length and size of each video."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.artifacts.tube_files import VideoInfo
from actorsup.frames.store import FrameStore, VideoFrames

VIDEO_COLUMNS = ["video", "path", "split", "label", "frames", "fps", "width", "height", "duration", "shard"]


def write_video_table(
    rows: Iterable[Mapping[str, str]], frame_shards: Iterable[str | Path], output: str | Path
) -> None:
    """Write the table of videos with one row per video, sorted by video id.

    Args:
        rows: Mappings with ``video``, ``path``, ``split``, ``label`` (class names joined by ``|``) and
            ``shard`` of each video.
        frame_shards: Paths of the frame stores. A video that no frame store contains (missing, or not
            decodable) gets 0 ``frames`` and an empty rate, size and duration.
        output: Path of the table to write.
    """
    properties: dict[str, dict[str, float]] = {}
    for path in frame_shards:
        with FrameStore(path) as store:
            properties |= {video: _length_and_size(store[video]) for video in store}
    missing_properties: dict[str, float] = {"frames": 0}
    table = pd.DataFrame([{**row, **properties.get(row["video"], missing_properties)} for row in rows])
    table = table.reindex(columns=VIDEO_COLUMNS).sort_values("video")
    integer_columns = ["frames", "width", "height"]
    table[integer_columns] = table[integer_columns].astype("Int64")
    write_text_atomically(output, table.to_csv(index=False, lineterminator="\n"))


def _length_and_size(images: VideoFrames) -> dict[str, float]:
    info = VideoInfo(len(images), images.fps, images.width, images.height, images.times)
    size = {"width": info.width, "height": info.height}
    duration = round(info.seconds(info.frames), 4)
    return {"frames": info.frames, "fps": round(info.fps, 4), **size, "duration": duration}
