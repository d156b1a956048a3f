"""Write the table of videos, ``videos.csv``: label, split, length and size of each video."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.artifacts.shards import ShardReader
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
    properties: dict[str, dict[str, float]] = {}
    for path in frame_shards:
        with ShardReader(path, SCHEMA) as shard:
            properties |= {video: _length_and_size(shard[video].attrs) for video in shard}
    missing_properties: dict[str, float] = {"frames": 0}
    table = pd.DataFrame([{**row, **properties.get(row["video"], missing_properties)} for row in rows])
    table = table.reindex(columns=VIDEO_COLUMNS).sort_values("video")
    integer_columns = ["frames", "width", "height"]
    table[integer_columns] = table[integer_columns].astype("Int64")
    write_text_atomically(output, table.to_csv(index=False, lineterminator="\n"))


def _length_and_size(attributes: Mapping[str, float]) -> dict[str, float]:
    frames, fps = int(attributes["frames"]), float(attributes["fps"])
    size = {name: int(attributes[name]) for name in ("width", "height")}
    return {"frames": frames, "fps": round(fps, 4), **size, "duration": round(frames / fps, 4)}
