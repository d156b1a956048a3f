"""Small shards of frames and tubes that the tests of actor attention share."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from actorsup.artifacts.shards import ShardWriter
from actorsup.artifacts.tube_files import TUBES_SCHEMA, VideoInfo, write_tubes
from actorsup.frames.settings import FrameSettings
from actorsup.frames.write import make_encoder
from actorsup.tubes import Tubes


@dataclass(frozen=True)
class Video:
    """Frames (N, H, W, 3) as stored, boxes (P, N, 4) in source pixels, and how much larger these are."""

    frames: np.ndarray
    boxes: np.ndarray
    scale: tuple[int, int] = (1, 1)


def tubes_of(boxes: np.ndarray) -> Tubes:
    count, frames = boxes.shape[:2]
    return Tubes(
        boxes=boxes.astype(np.float32),
        score=np.linspace(1, 0.5, count, dtype=np.float32),
        actor=np.ones(count, np.int16),
        seed_frame=np.zeros(count, np.int32),
        frame_score=np.ones((count, frames), np.float32),
        interval=np.tile(np.array([0, frames], np.int32), (count, 1)),
    )


def write_set(folder: Path, videos: Mapping[str, Video], name: str = "0000") -> tuple[Path, Path]:
    """Lossless frame store and shard of tubes, as the stages before write them."""
    frames, tubes = folder / f"frames_{name}.h5", folder / f"tubes_{name}.h5"
    encode = make_encoder(FrameSettings(encoding="png"))
    with ShardWriter(frames, "frames/1", {}) as store, ShardWriter(tubes, TUBES_SCHEMA, {}) as shard:
        for video, what in videos.items():
            count, height, width = what.frames.shape[:3]
            data = [encode(np.ascontiguousarray(image[..., ::-1])) for image in what.frames]
            info = VideoInfo(count, 25.0, width * what.scale[0], height * what.scale[1])
            offset = np.cumsum([0, *map(len, data)])
            attributes = {name: value for name, value in vars(info).items() if name != "times"}
            attributes |= {"stored_width": width, "stored_height": height}
            store.add(video, {"encoded": np.concatenate(data), "offset": offset}, attributes)
            write_tubes(shard, video, info, tubes_of(what.boxes))
    return frames, tubes


def random_video(seed: int, count: int = 20, tubes: int = 3, size: tuple[int, int] = (32, 44)) -> Video:
    """Noise, and boxes that reach out of the frame here and there."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(-5, 25, (tubes, count, 2))
    boxes = np.concatenate([low, low + rng.uniform(4, 20, low.shape)], axis=-1)
    return Video(rng.integers(0, 256, (count, *size, 3), dtype=np.uint8), boxes)
