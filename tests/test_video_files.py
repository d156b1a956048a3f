"""Video files of every container, codec, orientation and size, made by PyAV with known frames."""

import itertools
import logging
import struct
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from malformed_videos import make, sound

from actorsup.datasets.base import VideoRecord
from actorsup.errors import VideoError
from actorsup.frames import probe
from actorsup.frames.decode import decode_video
from actorsup.frames.probe import probe_video
from actorsup.frames.settings import FrameSettings
from actorsup.frames.stage import decode_videos
from actorsup.frames.store import FrameStore
from actorsup.frames.video_file import orient
from actorsup.frames.write import fit

CONTAINERS = [
    ("a.MTS", "mpegts", "libx264"),
    ("a.m2ts", "mpegts", "mpeg2video"),
    ("a.ts", "mpegts", "libx264"),
    ("a.3gp", "3gp", "mpeg4"),
    ("a.vob", "vob", "mpeg2video"),
    ("a.mpg", "mpeg", "mpeg1video"),
    ("a.flv", "flv", "flv"),
    ("a.ogv", "ogg", "libvpx"),
    ("a.y4m", "yuv4mpegpipe", "wrapped_avframe"),
    ("a.wmv", "asf", "wmv2"),
    ("a.asf", "asf", "msmpeg4"),
    ("a.mxf", "mxf", "mpeg2video"),
    ("a.gif", "gif", "gif"),
    ("a.h264", "h264", "libx264"),
    ("a.m1v", "mpeg1video", "mpeg1video"),
    ("av1.mp4", "mp4", "libsvtav1"),
    ("reordered.avi", "avi", "libx264"),
    ("mp4 without a suffix", "mp4", "libx264"),
    ("matroska without a suffix", "matroska", "mpeg4"),
]


def read(path: Path) -> list[np.ndarray]:
    return [frame.image for frame in decode_video(path).frames if frame.image is not None]


def decode(folder: Path, *paths: Path) -> FrameStore:
    records = [VideoRecord(path.name, path, "", ()) for path in paths]
    decode_videos(records, folder / "store.h5", FrameSettings("png"), {})
    return FrameStore(folder / "store.h5")


@pytest.mark.parametrize(("name", "form", "codec"), CONTAINERS)
def test_a_container_decodes_whatever_it_is_called(tmp_path, name, form, codec):
    path = make(tmp_path / name, form=form, codec=codec, pixels="rgb8" if codec == "gif" else "yuv420p")
    with decode(tmp_path, path) as store:
        video = store[name]
        assert (len(video), video.width, video.height, video.fps, video.times) == (12, 64, 48, 25, None)
        # each frame of the source is of another gray
        assert np.abs(np.array([image.mean() for image in video]) - 20 - 11 * np.arange(12)).max() < 12
    facts = probe_video(path, count=True)
    assert (facts.frames, facts.width, facts.height, facts.peculiarities) == (12, 64, 48, {})
    assert probe_video(path).peculiarities == {}


def test_pixels_equal_those_of_opencv(tmp_path):
    for codec, pixels in (
        ("libx264", "yuv420p"),
        ("mpeg4", "yuv420p"),
        ("mjpeg", "yuvj422p"),
        ("ffv1", "bgr0"),
    ):
        path = make(tmp_path / f"{codec}.mkv", codec=codec, pixels=pixels, size=(66, 50))
        capture = cv2.VideoCapture(str(path))
        for image in read(path):
            np.testing.assert_array_equal(image, capture.read()[1])
        assert not capture.read()[0]


def test_the_message_names_a_codec_without_a_decoder(tmp_path):
    path = make(tmp_path / "a.mp4", codec="libx264")
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(
        VideoError, match=r"a\.mp4: its codec \(.*zzzz.*\) cannot be decoded; convert it: ffmpeg"
    ):
        decode_video(path)


def cover_picture(path: Path) -> Path:
    """A song with a cover picture, which is a stream of video to FFmpeg."""
    with av.open(str(path), "w", format="mp4") as container:
        song = container.add_stream("aac", rate=16000)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        for start in range(0, 16000, 1024):
            samples = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            samples.sample_rate, samples.pts = 16000, start
            container.mux(song.encode(samples))
        picture = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8)).reformat(format="yuvj420p")
        picture.pts = 0
        container.mux([*cover.encode(picture), *cover.encode(), *song.encode()])
    return path


def test_what_is_no_video_is_called_what_it_is(tmp_path):
    sound(tmp_path / "sound.mp4")
    cover_picture(tmp_path / "cover.mp4")
    (tmp_path / "text.mp4").write_text("no video\n" * 40)
    for name in ("a.png", "a.jpg", "a.webp"):
        cv2.imwrite(str(tmp_path / name), np.zeros((48, 64, 3), np.uint8))
    (tmp_path / "a.png").rename(tmp_path / "image.mp4")
    make(tmp_path / "a.avif", form="avif", codec="libsvtav1", frames=1)
    for name, words in {
        "sound.mp4": "not a video: it contains only sound",
        "cover.mp4": "not a video: it contains only sound",
        "text.mp4": "not a video that can be decoded",
        "image.mp4": "a still image, not a video",
        "a.jpg": "a still image, not a video",
        "a.webp": "a still image, not a video",
        "a.avif": "a still image, not a video",
    }.items():
        with pytest.raises(VideoError, match=f"{name}: {words}"):
            decode_video(tmp_path / name)


def test_the_default_stream_is_used_and_the_choice_is_noted(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    path = make(tmp_path / "two.mkv", streams=2)
    assert len(read(path)) == 12
    assert "2 video streams; stream 0 is used" in caplog.text
    assert probe_video(path).peculiarities == {probe.SEVERAL_STREAMS: "2, stream 0 is used"}


# ------------------------------------------------------------------- orientation


def with_matrix(path: Path, a: int, b: int, c: int, d: int) -> Path:
    """Let an MP4 ask to be shown with x' = a x + c y and y' = b x + d y."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    one = 1 << 16
    data[at : at + 36] = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


MATRICES = [(a, 0, 0, d) for a, d in itertools.product((1, -1), repeat=2)] + [
    (0, b, c, 0) for b, c in itertools.product((1, -1), repeat=2)
]


def moved(image: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    """Move each pixel where the matrix says, by a loop."""
    height, width = image.shape[:2]
    places = {(a * x + c * y, b * x + d * y): image[y, x] for y in range(height) for x in range(width)}
    left, top = min(x for x, _ in places), min(y for _, y in places)
    shown = np.zeros((width, height, 3) if b else (height, width, 3), np.uint8)
    for (x, y), pixel in places.items():
        shown[y - top, x - left] = pixel
    return shown


@pytest.mark.parametrize("matrix", MATRICES)
def test_frames_are_rotated_and_mirrored(tmp_path, matrix):
    random = np.random.default_rng(0)
    image = random.integers(0, 255, (3, 5, 3), np.uint8)
    a, b, c, d = matrix
    ffmpeg = np.array([a, b, 0, c, d, 0, 0, 0, 1 << 14], np.int32) << 16
    np.testing.assert_array_equal(orient(image, ffmpeg.tobytes()), moved(image, *matrix))
    plain = textured(tmp_path / "plain.mp4")
    shown = with_matrix(textured(tmp_path / "shown.mp4"), *matrix)
    np.testing.assert_array_equal(read(shown)[0], moved(read(plain)[0], *matrix))


def textured(path: Path, frames: int = 3, size: tuple[int, int] = (64, 48), **options: object) -> Path:
    """A video without symmetry: a gradient along x and y, and a bright corner."""
    width, height = size
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(width) * 2, np.arange(height)[:, None] * 3
    image[:16, :16] = 250
    with av.open(str(path), "w", **options) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


# ------------------------------------------------------------------ size and pixels


def test_a_change_of_size_is_fitted_and_reported(tmp_path, caplog):
    parts = [
        make(tmp_path / f"{n}.ts", 5, size, "libx264")
        for n, size in enumerate([(64, 48), (48, 64), (64, 48)])
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with decode(tmp_path, path) as store:
        video = store["joined.ts"]
        assert (len(video), video.width, video.height) == (15, 64, 48)
        # 48x64 in 64x48: 36 pixels wide, with borders of 14
        assert video[7][:, :14].max() == video[7][:, 50:].max() == 0 and video[7][:, 15:49].min() > 20
        assert video[12].min() > 20
        assert video.times is None and video.fps == 25  # three clocks joined
    assert "joined.ts: 5 frames, the first of them frame 5 with 48x64, differ in size" in caplog.text
    facts = probe_video(path, count=True)
    assert facts.peculiarities == {probe.SIZE_CHANGES: "64x48, then 48x64 at frame 5"}


def test_fitting_keeps_the_shape():
    image = np.full((10, 20, 3), 200, np.uint8)
    fitted = fit(image, (40, 40))
    rows = np.flatnonzero(fitted.any((1, 2)))
    assert fitted.shape == (40, 40, 3) and (rows[0], rows[-1]) == (10, 29) and fitted[10:30].min() == 200
    # rounding of the stored size is no difference in shape
    for size, stored in (((341, 256), (100, 75)), ((1000, 3), (16, 1)), ((320, 240), (100, 75))):
        assert fit(np.full((size[1], size[0], 3), 200, np.uint8), stored).min() == 200


def test_pixels_that_are_not_square_are_noted_and_not_stretched(tmp_path):
    path = tmp_path / "wide.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(16, 15)
        container.mux(stream.encode(av.VideoFrame(64, 48, "yuv420p")))
        container.mux(stream.encode())
    assert read(path)[0].shape == (48, 64, 3)
    assert probe_video(path).peculiarities == {probe.OTHER_PIXELS: "1.067 times as wide as high"}


# ------------------------------------------------------------------ damage and edits


def test_a_recording_that_starts_between_keyframes_decodes_from_the_first_keyframe(tmp_path):
    whole = make(tmp_path / "whole.ts", 60, codec="libx264")
    data = whole.read_bytes()
    path = tmp_path / "cut.ts"
    path.write_bytes(data[188 * 8 :])  # packets of 188 bytes: without the first keyframe and its headers
    joined = tmp_path / "joined.ts"
    joined.write_bytes(data[188 * 8 :] + data)
    assert len(read(joined)) >= 60
    with pytest.raises(VideoError, match=r"cut\.ts"):
        read(path)


def test_the_first_damaged_frame_ends_the_video(tmp_path, caplog):
    path = make(tmp_path / "a.avi", 40)
    whole = read(path)
    data = bytearray(path.read_bytes())
    at = [i for i in range(len(data)) if data[i : i + 4] == b"00dc"][20]
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    data[at + 8 : at + 8 + size] = b"\xff" * size
    path.write_bytes(data)
    found = read(path)
    for image, expected in zip(found[:20], whole, strict=False):
        np.testing.assert_array_equal(image, expected)
    # FFmpeg conceals a damaged frame, or refuses it: then no later frame takes its number
    assert len(found) == 40 or (len(found) <= 21 and ("cut short" in caplog.text or "damaged" in caplog.text))


def test_frames_that_an_edit_list_cuts_off_are_not_missing(tmp_path, caplog):
    path = make(tmp_path / "a.mp4", 50, codec="mpeg4")
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 12  # duration, start in the media
    assert data.count(b"elst") == 1
    data[at : at + 8] = struct.pack(">ii", 1000, 10 * 512)
    path.write_bytes(data)
    assert 20 <= len(read(path)) < 50
    assert "cut short" not in caplog.text
