"""Write the table of videos, ``videos.csv``: label, split, length and size of each video."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.artifacts.shards import ShardReader
from actorsup.artifacts.tube_files import VideoInfo, read_info
from actorsup.frames import SCHEMA

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
    properties = {video: _length_and_size(info) for video, info in read_stored_infos(frame_shards).items()}
    missing_properties: dict[str, float] = {"frames": 0}
    table = pd.DataFrame([{**row, **properties.get(row["video"], missing_properties)} for row in rows])
    table = table.reindex(columns=VIDEO_COLUMNS).sort_values("video")
    integer_columns = ["frames", "width", "height"]
    table[integer_columns] = table[integer_columns].astype("Int64")
    write_text_atomically(output, table.to_csv(index=False, lineterminator="\n"))


def read_stored_infos(frame_shards: Iterable[str | Path]) -> dict[str, VideoInfo]:
    """Return length, frame rate, size and, if the rate varies, frame times of the videos of frame stores.

    Args:
        frame_shards: Paths of the frame stores.

    Raises:
        DataError: A frame store is missing or damaged.
    """
    infos: dict[str, VideoInfo] = {}
    for path in frame_shards:
        with ShardReader(path, SCHEMA) as shard:
            for video in shard:
                group = shard[video]
                is_variable = bool(group.attrs.get("variable_rate", False))
                info = read_info(group)
                infos[video] = info if is_variable else replace(info, times=None)
    return infos


def _length_and_size(info: VideoInfo) -> dict[str, float]:
    size = {"width": info.width, "height": info.height}
    duration = round(info.seconds(info.frames), 4)
    return {"frames": info.frames, "fps": round(info.fps, 4), **size, "duration": duration}
