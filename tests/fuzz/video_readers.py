"""Readers of videos: names in folders of frames, first bytes of files, and decoding."""

import atexit
import functools
import random
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from mutation import ODD_TEXTS, Damage, damaged_bytes
from reader import Reader, separated, tried

from actorsup.datasets.base import VideoRecord
from actorsup.datasets.readers.folder import Folder
from actorsup.frames.decode import decode_video
from actorsup.frames.decoder import Decoder
from actorsup.frames.probe import probe_video
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.workflow.check_folder import check_folder, check_frame_names

NAMES = "\n".join(
    [
        *(f"img_{frame:05d}.jpg" for frame in range(1, 6)),
        *(f"clip/{frame:06d}.jpg" for frame in range(4)),
        *(f"seq/img1/{frame:06d}.png" for frame in (1, 2, 4)),
        "seq/seqinfo.ini",
        "seq/gt/gt.txt",
        "@eaDir/img_00001.jpg",
        "clip/mask/000000.png",
        "movie.mp4",
    ]
)


def damaged_names(chance: random.Random, data: bytes) -> bytes:
    """Replace numbers, stems, suffixes or folders of names, or remove and repeat names."""
    names = data.decode(errors="replace").split("\n")
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(names))
        folder, slash, name = names[at].rpartition("/")
        number = chance.choice(["0", "1", "7", "000004", "1305031102.175304", "9" * 30, "-3", "٣", "1e5", ""])
        match chance.randrange(7):
            case 0:
                names[at] = f"{folder}{slash}{number}{Path(name).suffix}"
            case 1:
                names[at] = f"{folder}{slash}{chance.choice(['flow_x_', 'a b', '.', 'frame'])}{number}.jpg"
            case 2:
                suffix = chance.choice([".JPG", ".png", ".mp4", ".ts", ".tiff", "", ".", ".txt"])
                names[at] = f"{folder}{slash}{Path(name).stem}{suffix}"
            case 3:
                odd = chance.choice([".hidden", "depth", "v.mp4", "__MACOSX", "x/y", *ODD_TEXTS])
                names.append(f"{odd}/{name}")
            case 4 if len(names) > 2:
                del names[at]
            case _:
                names.append(f"{folder}{slash}{number}{name}")
    return "\n".join(names).encode(errors="surrogatepass")


@functools.cache
def picture() -> bytes:
    return cv2.imencode(".png", np.zeros((16, 16, 3), np.uint8))[1].tobytes()


def read_names(path: Path) -> None:
    """Create empty files and pictures with the names, list the folder, and read its frames."""
    root = path.parent / "names"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for name in path.read_bytes().split(b"\n")[:60]:
        # the text of a name decides, not a path out of the folder, which no listing of a folder gives
        parts = [part for part in name[:600].split(b"/") if part not in (b"", b".", b"..")]
        try:
            file = root.joinpath(*(part.decode(errors="surrogateescape") for part in parts))
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(picture() if file.suffix.lower() in (".jpg", ".png") else b"")
        except (OSError, ValueError):
            continue  # the file system has no such name
    read_videos(root)


def read_videos(root: Path) -> None:
    """List a folder, check it, and decode its videos."""
    listing = Folder(root).listing()
    [*check_folder(listing)]
    tried(*(functools.partial(read_video, record) for record in listing.records[:5]))


def read_video(record: VideoRecord) -> None:
    facts = probe_video(record.path, count=True, naming=record.naming)
    [*check_frame_names({record.video: facts.notes})]
    if record.path.is_dir():
        [*decode_video(record.path, record.naming).frames]


def video(container: str, codec: str, pixels: str = "yuv420p") -> Callable[[Path], None]:
    """Write a video of ten moving frames at times that vary."""

    def make(folder: Path) -> None:
        with av.open(str(folder / f"good.{container}"), "w") as output:
            stream = output.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
            stream.time_base = Fraction(1, 1000) if container == "mkv" else Fraction(1, 25)
            for frame in range(10):
                image = np.full((48, 64, 3), 20 * frame, np.uint8)
                image[10:20, 3 * frame : 3 * frame + 9] = 255
                shown = av.VideoFrame.from_ndarray(image)
                shown.pts, shown.time_base = frame * (2 if container == "mp4" else 1), Fraction(1, 25)
                output.mux(stream.encode(shown))
            output.mux(stream.encode())

    return make


@functools.cache
def decoder() -> Decoder:
    made = Decoder(FrameSettings(), DecodingLimits(time_limit=10.0, memory_limit=1.0))
    atexit.register(made.__exit__, None, None, None)
    return made


def decode_file(path: Path) -> None:
    """Decode a file as the stage does, in a separate process; probe it as ``actorsup check`` does."""
    part = path.parent / "part.h5"
    part.unlink(missing_ok=True)
    record = VideoRecord("v", path, "", ())
    tried(lambda: decoder().decode(record, part), lambda: probe_video(path, count=True))


def damaged_header(chance: random.Random, data: bytes) -> bytes:
    """Damage the first bytes of a file only, which say what it is."""
    end = chance.choice([16, 64, 400])
    return damaged_bytes(chance, data[:end]) + data[end:]


def read_head(path: Path) -> None:
    """List and probe a folder with a file of any name."""
    root = path.parent / "videos"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for name in ("clip", "clip2.ts", "clip3.dat"):
        (root / name).write_bytes(path.read_bytes())
    read_videos(root)


BYTES: tuple[Damage, ...] = (damaged_bytes, damaged_header)
DECODED: dict[str, Reader] = {
    "frame_names": Reader(
        ".txt",
        lambda folder: (folder / "good.txt").write_text(NAMES) and None,
        (damaged_names, damaged_names, separated("/")[0]),
        read_names,
    ),
    "video_heads": Reader(".ts", video("ts", "mpeg2video"), BYTES, read_head, examples=5),
    "decoded_mp4": Reader(".mp4", video("mp4", "mpeg4"), BYTES, decode_file, examples=5),
    "decoded_mkv": Reader(".mkv", video("mkv", "libx264"), BYTES, decode_file, examples=5),
    "decoded_avi": Reader(".avi", video("avi", "mjpeg", "yuvj420p"), BYTES, decode_file, examples=5),
    "decoded_ts": Reader(".ts", video("ts", "mpeg2video"), BYTES, decode_file, examples=5),
}
