"""Video files to fuzz: probing reads them in this process, decoding in a separate one."""

import sys
from collections.abc import Callable
from pathlib import Path

from mutation import damaged_bytes
from reader import Reader

from actorsup.datasets.base import VideoRecord
from actorsup.errors import VideoError
from actorsup.frames.decoder import Decoder
from actorsup.frames.probe import probe_video
from actorsup.frames.settings import DecodingLimits, FrameSettings

sys.path.append(str(Path(__file__).resolve().parents[1]))

from malformed_videos import make

FORMS = {
    ".mp4": ("mp4", "libx264"),
    ".avi": ("avi", "mpeg4"),
    ".mkv": ("matroska", "libx264"),
    ".ts": ("mpegts", "mpeg2video"),
    ".wmv": ("asf", "wmv2"),
    ".flv": ("flv", "flv"),
    ".mxf": ("mxf", "mpeg2video"),
}
TIMES = [0, 33, 67, 100, 133, 400, 700, 1000]
DECODER = Decoder(FrameSettings(), DecodingLimits(time_limit=10))


def good_video(suffix: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        form, codec = FORMS[suffix]
        times = TIMES if suffix in (".mp4", ".mkv") else ()
        make(folder / f"good{suffix}", 8, codec=codec, form=form, times=times)

    return write


def read_video(path: Path) -> None:
    """Probe and decode a video; each may refuse it independently."""
    try:
        probe_video(path)
        probe_video(path, count=True)
    except VideoError:
        pass
    part = path.with_name("part")
    try:
        DECODER.decode(VideoRecord("v", path, "", ()), part)
    finally:
        part.unlink(missing_ok=True)


VIDEO_FILES = {
    f"video_{form}": Reader(suffix, good_video(suffix), (damaged_bytes,), read_video)
    for suffix, (form, _) in FORMS.items()
}
