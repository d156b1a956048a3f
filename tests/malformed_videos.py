"""Videos made to hurt, with PyAV."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def make(
    path: Path,
    frames: int = 12,
    size: tuple[int, int] = (64, 48),
    codec: str = "mpeg4",
    form: str | None = None,
    times: Sequence[int] = (),
    streams: int = 1,
    pixels: str = "yuv420p",
) -> Path:
    """A video of so many frames, each of another grey; ``times`` of frames in 1/1000 s, else 25 a second."""
    with av.open(str(path), "w", format=form) as container:
        made = []
        for _ in range(streams):
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = *size, pixels
            if times:
                stream.codec_context.time_base = Fraction(1, 1000)
            made.append(stream)
        for index in range(frames):
            image = np.full((size[1], size[0], 3), 20 + index * 11 % 200, np.uint8)
            for stream in made:
                frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
                if times:
                    frame.pts, frame.time_base = times[index], Fraction(1, 1000)
                container.mux(stream.encode(frame))
        for stream in made:
            container.mux(stream.encode())
    return path


def sound(path: Path, with_video: bool = False) -> Path:
    """A second of sound, and no picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        for start in range(0, 16000, 1024):
            samples = np.sin(np.arange(start, start + 1024) / 20, dtype=np.float32)[None]
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, start
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turned(path: Path, quarter_turns: int = 1) -> Path:
    """Let an MP4 ask to be shown turned, by the matrix of its track's header."""
    one = 1 << 16
    matrices = {
        1: [0, one, 0, -one & 0xFFFFFFFF, 0, 0],
        2: [-one & 0xFFFFFFFF, 0, 0, 0, -one & 0xFFFFFFFF, 0],
    }
    data = bytearray(path.read_bytes())
    # version 0: 4 of flags, 8 of times, 8 of track and reserved, 4 of length, 8, 2 * 4
    at = data.index(b"tkhd") + 4 + 40
    for index, value in enumerate(matrices[quarter_turns]):
        data[at + 4 * index : at + 4 * index + 4] = value.to_bytes(4, "big")
    path.write_bytes(data)
    return path
