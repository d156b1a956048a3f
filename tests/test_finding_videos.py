"""What counts as a video, what else is in a folder, and entries that cannot be used."""

import os
import socket
from pathlib import Path

import pytest
from malformed_videos import make, sound

from actorsup.datasets.files import find_videos, scan_folder
from actorsup.datasets.readers.folder import Folder
from actorsup.datasets.readers.ucf_sports import UcfSports
from actorsup.datasets.signatures import HEAD_BYTES, OTHER_SUFFIXES, TRUSTED_SUFFIXES, video_format
from actorsup.errors import DataError
from actorsup.workflow.check import inspect_dataset
from actorsup.workflow.dataset import PlannedDataset
from actorsup.workflow.failures import write_failures

FORMATS = {
    "mp4": ("mpeg4", "MP4 or QuickTime"),
    "mov": ("mpeg4", "MP4 or QuickTime"),
    "3gp": ("mpeg4", "MP4 or QuickTime"),
    "avi": ("mpeg4", "AVI or Video CD"),
    "matroska": ("mpeg4", "Matroska"),
    "webm": ("libvpx", "Matroska"),
    "mpegts": ("mpeg2video", "MPEG transport stream"),
    "vob": ("mpeg2video", "MPEG program stream"),
    "mpeg": ("mpeg1video", "MPEG program stream"),
    "mpeg2video": ("mpeg2video", "MPEG video"),
    "m4v": ("mpeg4", "MPEG-4 video"),
    "flv": ("flv1", "FLV"),
    "asf": ("wmv2", "ASF or WMV"),
    "ogg": ("libvpx", "Ogg"),
    "yuv4mpegpipe": ("wrapped_avframe", "YUV4MPEG2"),
    "mxf": ("mpeg2video", "MXF"),
    "nut": ("mpeg4", "NUT"),
    "rm": ("rv20", "RealMedia"),
    "ivf": ("libvpx", "IVF"),
    "wtv": ("mpeg2video", "WTV"),
    "h264": ("libx264", "H.264 or H.265"),
}
TEXTS = {
    "script.ts": b"export const G = 47;\n" * 300,
    "dna": b"G" * 9000,
    "notes": b"free text about ftyp and moov\n" * 99,
    "numbers.dat": bytes(range(256)) * 40,
    "empty": b"",
    "archive": b"PK\x03\x04" + bytes(5000),
    "table.sav": b"$FL2@(#) SPSS DATA FILE" + bytes(3000),
}


def write(root: Path, *names: str, content: bytes = b"x") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)


def findings(root: Path, serious: bool, **section: str) -> str:
    planned = PlannedDataset("mine", {"type": "folder", "root": str(root), **section}, 0)
    return "\n".join(f.text for f in inspect_dataset(planned).findings if f.serious == serious)


@pytest.mark.parametrize("form", FORMATS)
def test_a_video_is_known_by_its_first_bytes(tmp_path, form):
    codec, name = FORMATS[form]
    path = make(tmp_path / "no suffix", form=form, codec=codec, size=(352, 288), frames=8)
    head = path.read_bytes()[:HEAD_BYTES]
    assert video_format(head) == name
    assert find_videos(tmp_path) == {"no suffix": path}


@pytest.mark.parametrize("skipped", [1, 4, 100, 187])
def test_a_transport_stream_may_begin_within_a_packet(tmp_path, skipped):
    whole = make(tmp_path / "whole", form="mpegts", codec="mpeg2video").read_bytes()
    assert video_format(whole[skipped:][:HEAD_BYTES]) == "MPEG transport stream"
    timed = b"".join(bytes(4) + whole[at : at + 188] for at in range(0, len(whole), 188))
    assert video_format(timed[:HEAD_BYTES]) == "MPEG transport stream"


def test_other_files_are_no_videos(tmp_path):
    for name, content in TEXTS.items():
        (tmp_path / name).write_bytes(content)
    sound(tmp_path / "sound.m4a").rename(tmp_path / "sound")
    for kind in (b"heic", b"avif", b"M4A "):
        (tmp_path / f"{kind.decode()}_file").write_bytes(b"\0\0\0\x1cftyp" + kind + bytes(100))
    contents = scan_folder(tmp_path)
    assert contents.videos.keys() <= {"sound"}, "the brand of an MP4 without pictures may be that of a video"
    assert {e.path.name for e in contents.unused} >= TEXTS.keys()


@pytest.mark.parametrize(
    "suffix",
    [*".MTS .m2ts .ts .3gp .vob .mpg .flv .ogv .y4m .wmv .asf .mxf .AVI .dat .mod .unknown".split(), ""],
)
def test_suffixes_do_not_matter(tmp_path, suffix):
    """The id is the path without the extension, in tables and in the ground truth too."""
    (tmp_path / "k").mkdir()
    name = make(tmp_path / "k" / f"a{suffix}", form="mpegts", codec="mpeg2video").name
    (tmp_path / "videos.csv").write_text(f"video,label,split\nk/{name},run,test\n")
    (tmp_path / "gt.csv").write_text(f"video,tube,class,frame,x1,y1,x2,y2\nk/{name},0,run,0,1,1,9,9\n")
    data = Folder(tmp_path, tmp_path / "videos.csv", tmp_path / "gt.csv")
    assert [record.video for record in data.listing().records] == ["k/a"] and not data.listing().missing
    assert set(data.ground_truth().boxes["video"]) == {"k/a"} and not data.listing().unused


def test_a_point_in_a_name_is_no_suffix(tmp_path):
    for name in ("2024.01.05", "2024.01.06", "v1.5.mp4"):
        make(tmp_path / name, form="mp4")
    assert sorted(find_videos(tmp_path)) == ["2024.01.05", "2024.01.06", "v1.5"]


def test_well_known_files_are_never_opened(tmp_path, monkeypatch):
    assert not TRUSTED_SUFFIXES & OTHER_SUFFIXES
    write(tmp_path, *(f"a{suffix}" for suffix in OTHER_SUFFIXES), "b.mp4", "readme", "LICENSE")
    monkeypatch.setattr("actorsup.datasets.files.reads_as_video", lambda path: pytest.fail(f"{path} opened"))
    contents = scan_folder(tmp_path)
    assert list(contents.videos) == ["b"] and len(contents.unused) == len(OTHER_SUFFIXES)


def test_two_files_of_one_id(tmp_path):
    write(tmp_path, "k/a.avi", "k/a.mp4")
    with pytest.raises(DataError, match=r"two videos have the id 'k/a', .*a\.avi and .*a\.mp4; rename one"):
        find_videos(tmp_path)


def test_unused_files_are_listed_and_counted(tmp_path):
    make(tmp_path / "a.mp4")
    write(tmp_path, *(f"{n}.zip" for n in range(8)), "b.wav", "c", "README.md", "gt/boxes.csv")
    write(tmp_path, ".DS_Store", "Thumbs.db", "__MACOSX/._a.mp4", "@eaDir/a.mp4/thumb.jpg", "cover.jpg")
    (tmp_path / "videos.csv").write_text("video,label,split\na,run,test\n")
    (tmp_path / "gt.csv").write_text("video,tube,class,frame,x1,y1,x2,y2\na,0,run,0,1,1,9,9\n")
    files = {"table": str(tmp_path / "videos.csv"), "ground_truth": str(tmp_path / "gt.csv")}
    notes = findings(tmp_path, False, **files)
    for line in (
        "10 files or folders are not used (not videos): "
        "8 .zip (0.zip, 1.zip, 2.zip, 3.zip, 4.zip and 3 more), 1 .wav (b.wav), 1 .csv (boxes.csv)",
        "1 files or folders are not used (not videos by their first bytes): 1 no suffix (c)",
        "1 files or folders are not used (images next to videos): 1 .jpg (cover.jpg)",
        "4 hidden files or files of a system are ignored",
    ):
        assert line in notes
    assert "README" not in notes and "videos.csv" not in notes and "gt.csv" not in notes
    planned = PlannedDataset("mine", {"type": "folder", "root": str(tmp_path), **files}, 0)
    assert "16 files or folders are not used (10 not videos, " in planned.describe_unused()


def test_nothing_is_said_about_a_folder_of_videos_with_its_tables(tmp_path):
    make(tmp_path / "a.mp4")
    write(tmp_path, "README.md", "LICENSE", "gt/a/gt/gt.txt", "gt/a/gt/labels.txt")
    (tmp_path / "videos.csv").write_text("video,label,split\na,run,test\n")
    (tmp_path / "gt/a/gt/gt.txt").write_text("1,1,10,10,20,20,1,1,1\n")
    (tmp_path / "gt/a/gt/labels.txt").write_text("run\n")
    files = {"table": str(tmp_path / "videos.csv"), "ground_truth": str(tmp_path / "gt")}
    assert (
        PlannedDataset("mine", {"type": "folder", "root": str(tmp_path), **files}, 0).describe_unused() == ""
    )


# ------------------------------------------------- one bad entry


def bad_entries(root: Path) -> dict[str, str]:
    """Every kind of entry that cannot be used, next to one good video: the start of each reason."""
    root.mkdir()
    make(root / "good.mp4")
    (root / "gone.mp4").symlink_to("/nowhere/gone.mp4")
    (root / "gone").symlink_to(b"/nowhere/\xff".decode(errors="surrogateescape"))
    (root / "self.mp4").symlink_to("self.mp4")
    (root / "k").mkdir()
    (root / "k" / "loop").symlink_to(root)
    os.mkfifo(root / "pipe.mp4")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    (root / "device.mp4").symlink_to("/dev/zero")
    write(root, "x" * 245 + ".mp4", "back\\slash.mp4")
    for name in (b"caf\xe9.avi", b"d\xffr/a.mp4"):
        path = Path(os.fsdecode(os.path.join(os.fsencode(root), name)))
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return {
        "gone": "a link to ",
        "self": "it cannot be read (Too many levels of symbolic links)",
        "k/loop": "a link to a folder above it",
        "pipe": "a pipe; wanted a regular file",
        "socket": "a socket",
        "device": "a device",
        "x" * 245: "its name has 249 bytes, and files of results at most 240",
        "back\\slash": "its name has a backslash",
        r"caf\xe9": "its name is not UTF-8",
        r"d\xffr": "its name is not UTF-8",
    }


def test_a_bad_entry_is_a_failure_and_planning_continues(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    bad = bad_entries(tmp_path / "set")
    planned = PlannedDataset("mine", {"type": "folder", "root": str(tmp_path / "set"), "shards": 2}, 0)
    assert [record.video for record in planned.listing.records] == ["good"] and len(planned.digests) == 1
    write_failures({}, [], tmp_path / "failures.csv", planned.listing.unusable)
    text = (tmp_path / "failures.csv").read_bytes().decode("utf-8")
    assert text.count(",manifest,") == len(bad) + 2
    for video, reason in bad.items():
        assert f"\n{video},manifest," in text and reason in text
    problems = findings(tmp_path / "set", True)
    assert problems.startswith("12 entries cannot be used as videos: "), problems


def test_a_link_out_of_the_root_and_a_deep_folder_are_failures(tmp_path):
    make(tmp_path / "set.mp4")
    deep = tmp_path / "set" / "/".join("d" * 102)
    deep.mkdir(parents=True)
    (tmp_path / "set" / "up").symlink_to(tmp_path)
    contents = scan_folder(tmp_path / "set")
    assert not contents.videos and [each.video[-2:] for each in contents.unusable] == ["/d", "up"]
    assert "more than 100 folders deep" in contents.unusable[0].reason


def test_a_bad_entry_of_ucf_sports_is_a_failure(tmp_path, monkeypatch):
    write(tmp_path, "Lifting/001/1.jpg", "Lifting/002.avi")
    Path(os.fsdecode(os.path.join(os.fsencode(tmp_path), b"Lifting/caf\xe9.avi"))).touch()
    scandir = os.scandir

    def deny(path):
        if Path(path).name == "001":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny)
    listing = UcfSports(tmp_path).listing()
    assert [record.video for record in listing.records] == ["Lifting/002"]
    assert [each.video for each in listing.unusable] == ["Lifting/001", r"Lifting/caf\xe9"]


def test_an_unreadable_folder_is_a_failure(tmp_path, monkeypatch):
    make(tmp_path / "a.mp4")
    (tmp_path / "locked").mkdir()
    scandir = os.scandir

    def deny(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", deny)  # tests may run as root, who can read everything
    contents = scan_folder(tmp_path)
    assert list(contents.videos) == ["a"]
    assert [each.video for each in contents.unusable] == ["locked"]
    assert "this folder cannot be read (Permission denied)" in contents.unusable[0].reason


def test_a_listed_video_that_cannot_be_used_has_one_line_with_the_cause(tmp_path):
    (tmp_path / "a.mp4").symlink_to("/nowhere")
    (tmp_path / "videos.csv").write_text("video,label,split\na.mp4,run,test\n")
    listing = Folder(tmp_path, tmp_path / "videos.csv").listing()
    write_failures({}, [(r.video, r.path) for r in listing.missing], tmp_path / "out.csv", listing.unusable)
    _, line = (tmp_path / "out.csv").read_text().splitlines()
    assert line.startswith('a,manifest,"a.mp4: a link to /nowhere, which does not exist')


def test_a_damaged_file_of_an_ambiguous_suffix_is_named(tmp_path):
    write(tmp_path, "a.ts")
    (tmp_path / "videos.csv").write_text("video,label,split\na.ts,run,test\n")
    listing = Folder(tmp_path, tmp_path / "videos.csv").listing()
    write_failures({}, [(r.video, r.path) for r in listing.missing], tmp_path / "out.csv")
    assert (
        f"no video: {tmp_path / 'a.ts'} is not a video, by its suffix" in (tmp_path / "out.csv").read_text()
    )
