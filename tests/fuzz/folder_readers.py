"""What is a video in a folder: names of frames, and the first bytes of files."""

import functools
import random
import shutil
from pathlib import Path

import cv2
import numpy as np
from mutation import ODD_TEXTS, damaged_bytes
from reader import Reader, separated, tried
from video_readers import good_video

from actorsup.datasets.base import VideoRecord
from actorsup.datasets.readers.folder import Folder
from actorsup.frames.decode import decode_video
from actorsup.frames.probe import probe_video
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


FOLDERS = {
    "frame_names": Reader(
        ".txt",
        lambda folder: (folder / "good.txt").write_text(NAMES) and None,
        (damaged_names, damaged_names, separated("/")[0]),
        read_names,
    ),
    "video_heads": Reader(".ts", good_video(".ts"), (damaged_bytes, damaged_header), read_head),
}
