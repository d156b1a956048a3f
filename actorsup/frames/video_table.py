"""The table of videos: what the lists say of each, and what decoding found."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from actorsup.artifacts.atomic import write_whole
from actorsup.artifacts.shards import ShardReader

VIDEO_COLUMNS = ["video", "path", "split", "label", "frames", "fps", "width", "height", "duration", "shard"]
_SCHEMA = "frames/1"


def write_video_table(
    rows: Iterable[Mapping[str, str]], frame_shards: Iterable[str | Path], output: str | Path
) -> None:
    """Write videos.csv, one row a video, sorted by id.

    Args:
        rows: ``video``, ``path``, ``split``, ``label`` (names joined by ``|``) and ``shard`` of each.
        frame_shards: The frame stores that hold them. A video in none of them (missing, or not
            to be decoded) has ``frames`` 0 and no rate, size or duration.
        output: The table to write.
    """
    found: dict[str, dict[str, float]] = {}
    for path in frame_shards:
        with ShardReader(path, _SCHEMA) as shard:
            found |= {video: _found(shard[video].attrs) for video in shard}
    nothing: dict[str, float] = {"frames": 0}
    table = pd.DataFrame([{**row, **found.get(row["video"], nothing)} for row in rows])
    table = table.reindex(columns=VIDEO_COLUMNS).sort_values("video")
    for column in ("frames", "width", "height"):
        table[column] = table[column].astype("Int64")
    write_whole(output, table.to_csv(index=False, lineterminator="\n"))


def _found(attributes: Mapping[str, float]) -> dict[str, float]:
    frames, fps = int(attributes["frames"]), float(attributes["fps"])
    size = {name: int(attributes[name]) for name in ("width", "height")}
    return {"frames": frames, "fps": round(fps, 4), **size, "duration": round(frames / fps, 4)}
