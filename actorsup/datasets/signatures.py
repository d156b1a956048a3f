"""Recognize video files: by an unambiguous suffix, else by their first bytes."""

import re
from collections.abc import Callable
from pathlib import Path

from actorsup.formats.video_ids import VIDEO_SUFFIXES

TRUSTED_SUFFIXES = VIDEO_SUFFIXES - {".ts", ".mts"}  # TypeScript has these suffixes too
"""Lower-case suffixes of files that are videos without a look at their content."""

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""Lower-case suffixes of images that can be frames of a video."""

OTHER_SUFFIXES = frozenset(
    ".txt .csv .tsv .json .jsonl .xml .yaml .yml .toml .ini .cfg .md .rst .html .htm .pdf .doc .docx "
    ".xls .xlsx  .ods .log .lst .tex .bib .h5 .hdf5 .mat .npy .npz .pkl .pickle .pt .pth .onnx .ckpt "
    ".parquet .feather .db  .sqlite .lmdb .mdb .py .pyc .ipynb .m .c .h .cc .cpp .hpp .java .js .sh .bat "
    ".lua .r .rb .go .rs .css .zip  .tar .gz .tgz .bz2 .xz .7z .rar .zst .iso .srt .vtt .ass .sub .idx "
    ".lrc .md5 .sha1 .sha256 .exe .dll .so  .mp3 .wav .flac .aac .m4a .m4b .wma .opus .oga .mka .aiff "
    ".ac3 .gif .svg .heic .heif .avif .jxl .psd .exr  .raw .cr2 .nef .dng .ppm .pgm .flo .pfm .ply .bvh "
    ".c3d .thm .lrv .lrf .part .crdownload .download .partial  .aria2 .tmp .bak .old .lock .url .lnk "
    ".plist .torrent .xmp .nfo .eaf .tfevents .bag".split()
)
"""Lower-case suffixes of well-known other files, which are never opened: tables, programs, archives, sound,
images that are no frames, previews of cameras (``.thm``, ``.lrv``), and unfinished downloads."""

HEAD_BYTES = 4096
"""Number of bytes at the start of a file that show whether it is a video."""

_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_STILL_OR_SOUND = (b"M4A ", b"M4B ", b"heic", b"heix", b"heim", b"mif1", b"msf1", b"hevc", b"avif", b"avis")
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_VIDEO = bytes.fromhex("c0ef19bc4d5bcf11a8fd00805f5c442b")
_MXF = bytes.fromhex("060e2b34020501010d010201")
_OGG_VIDEO = (b"\x80theora", b"OVP80", b"BBCD\0", b"\x01video\0\0\0")
_STARTS = {
    "Matroska": b"\x1a\x45\xdf\xa3",
    "FLV": b"FLV\x01",
    "YUV4MPEG2": b"YUV4MPEG2 ",
    "MPEG program stream": b"\0\0\x01\xba",
    "MPEG video": b"\0\0\x01\xb3",
    "MPEG-4 video": b"\0\0\x01\xb0",
    "RealMedia": b".RMF\0\0\0",
    "IVF": b"DKIF\0\0",
    "NUT": b"nut/multimedia container",
    "DV": b"\x1f\x07\0",
    "WTV": bytes.fromhex("b7d800203749da11a64e0007e95ead8d"),
}
_H26X = re.compile(rb"\0?\0\0\x01[\x09\x27\x67\x40\x42\x46]", re.DOTALL)
_PACKET_SIZES = (188, 192, 204)
_MIN_PACKETS = 5


def video_format(head: bytes) -> str | None:
    """Return the video format that the first ``HEAD_BYTES`` bytes of a file show; None if they show none."""
    for name, start in _STARTS.items():
        if head.startswith(start):
            return name
    tests: dict[str, Callable[[bytes], bool]] = {
        "MP4 or QuickTime": _is_iso_media,
        "AVI or Video CD": lambda head: head[:4] == b"RIFF" and head[8:12] in (b"AVI ", b"CDXA"),
        "ASF or WMV": lambda head: head.startswith(_ASF) and _ASF_VIDEO in head,
        "Ogg": lambda head: head.startswith(b"OggS") and any(codec in head for codec in _OGG_VIDEO),
        "MXF": lambda head: _MXF in head,
        "H.264 or H.265": lambda head: bool(_H26X.match(head)),
        "MPEG transport stream": _is_transport_stream,
    }
    return next((name for name, test in tests.items() if test(head)), None)


def _is_iso_media(head: bytes) -> bool:
    """Whether a file begins with a box of MP4 or QuickTime, and is neither an image nor only sound."""
    kind = head[4:8]
    # the size of the box comes first; a letter there is text
    if kind not in _BOXES or head[0] >= ord(" "):
        return False
    return kind != b"ftyp" or head[8:12] not in _STILL_OR_SOUND


def _is_transport_stream(head: bytes) -> bool:
    """Whether the byte 0x47 repeats at the distance of packets; a recording may begin within a packet."""
    if head.isascii():  # text, such as a sequence of DNA
        return False
    firsts = (
        (size, first) for size in _PACKET_SIZES for first in range(size) if head[first : first + 1] == b"G"
    )
    packets = (head[first::size] for size, first in firsts)
    return any(len(starts) >= _MIN_PACKETS and starts.count(b"G") == len(starts) for starts in packets)


def reads_as_video(path: Path) -> bool:
    """Whether the first bytes of a regular file are those of a video.

    Raises:
        OSError: The file cannot be read.
    """
    with open(path, "rb") as stream:
        return video_format(stream.read(HEAD_BYTES)) is not None
