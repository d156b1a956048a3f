"""Decoding and the frame store, against videos whose frames are known."""

import logging
import os
import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from actorsup.artifacts.checksums import embed_checksum
from actorsup.artifacts.shards import ShardWriter, open_part
from actorsup.datasets.base import VideoRecord
from actorsup.errors import ConfigError, DataError
from actorsup.frames import decoder
from actorsup.frames.decode import decode_video
from actorsup.frames.decoded import DecodedFrame, DecodedVideo
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.frames.stage import decode_videos
from actorsup.frames.store import FrameStore
from actorsup.frames.video_table import write_video_table
from actorsup.frames.write import stored_size, write_frames

# decoded frames and size of the real clips: the table in the shared folder's README
CLIPS = {
    "Basketball/v_Basketball_g01_c01.avi": (141, 320, 240),
    "Basketball/v_Basketball_g01_c02.mp4": (180, 340, 256),
    "Surfing/v_Surfing_g25_c02": (153, 342, 256),
}


def images(count: int, width: int = 64, height: int = 48, seed: int = 0) -> list[np.ndarray]:
    """Smooth BGR images, each of another colour, so that JPEG keeps them well."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 255, (count, 4, 6, 3), np.uint8)
    return [cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC) for image in small]


def folder_video(root: Path, name: str, frames: list[np.ndarray]) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    for index, image in enumerate(frames):
        # numbers without leading zeros: 10 comes after 2
        (folder / f"{index}.png").write_bytes(cv2.imencode(".png", image)[1].tobytes())
    return folder


def file_video(path: Path, frames: list[np.ndarray], fps: float = 12.5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = path.parent / "plain.avi"
    size = frames[0].shape[1::-1]
    writer = cv2.VideoWriter(str(plain), cv2.VideoWriter.fourcc(*"MJPG"), fps, size)
    for image in frames:
        writer.write(image)
    writer.release()
    plain.rename(path)
    return path


def decode(output: Path, videos: dict[str, Path], **settings: object) -> Path:
    records = [VideoRecord(video, path, "", ()) for video, path in videos.items()]
    decode_videos(records, output, FrameSettings(**settings), {"stage": "test"})
    return output


def test_png_store_gives_back_every_frame_in_any_order(tmp_path):
    frames = images(12)
    path = decode(tmp_path / "0000.h5", {"a/b": folder_video(tmp_path, "v", frames)}, encoding="png")
    with FrameStore(path) as store:
        video = store["a/b"]
        assert (len(video), video.width, video.height, video.fps) == (12, 64, 48, 25.0)
        for index in (0, 11, 3, -1):
            np.testing.assert_array_equal(video[index], frames[index][..., ::-1])
        for found, index in zip(video.read([5, 2, 5]), [5, 2, 5], strict=True):
            np.testing.assert_array_equal(found, frames[index][..., ::-1])
        with pytest.raises(IndexError, match="frame 12 of 12"):
            video[12]


def test_jpeg_store_stays_close_to_the_frames(tmp_path):
    frames = images(3)
    path = decode(tmp_path / "0000.h5", {"v": folder_video(tmp_path, "v", frames)}, quality=95)
    with FrameStore(path) as store:
        for found, image in zip(store["v"], frames, strict=True):
            error = np.mean((found.astype(float) - image[..., ::-1]) ** 2)
            assert 10 * np.log10(255**2 / error) > 38  # decibels


def test_frames_of_a_video_file_are_counted(tmp_path):
    frames = images(9)
    path = file_video(tmp_path / "v.avi", frames)
    data = bytearray(path.read_bytes())
    at = data.index(b"avih") + 8
    data[at + 16 : at + 20] = (90_000).to_bytes(4, "little")  # dwTotalFrames
    at = data.index(b"strh") + 8
    data[at + 32 : at + 36] = (90_000).to_bytes(4, "little")  # dwLength
    path.write_bytes(data)
    with FrameStore(decode(tmp_path / "0000.h5", {"v": path})) as store:
        assert len(store["v"]) == 9
        assert store["v"].fps == pytest.approx(12.5)


def test_an_implausible_frame_rate_is_replaced(tmp_path):
    path = file_video(tmp_path / "v.avi", images(3))
    data = bytearray(path.read_bytes())
    at = data.index(b"strh") + 8
    data[at + 20 : at + 28] = (1).to_bytes(4, "little") + (90_000).to_bytes(4, "little")  # scale, rate
    path.write_bytes(data)
    with FrameStore(decode(tmp_path / "0000.h5", {"v": path})) as store:
        assert store["v"].fps == 25.0


def test_max_side_keeps_the_source_size(tmp_path):
    path = decode(
        tmp_path / "0000.h5", {"v": folder_video(tmp_path, "v", images(2, width=64, height=48))}, max_side=32
    )
    with FrameStore(path) as store:
        video = store["v"]
        assert video[0].shape == (24, 32, 3)
        assert (video.width, video.height, video.scale_x, video.scale_y) == (64, 48, 2.0, 2.0)
    assert stored_size(320, 240, None) == stored_size(320, 240, 320) == (320, 240)
    assert stored_size(240, 320, 160) == (120, 160)


def test_a_frame_of_another_size_is_resized_to_the_first(tmp_path):
    frames = [images(1, 64, 48)[0], images(1, 32, 24)[0]]
    path = decode(tmp_path / "0000.h5", {"v": folder_video(tmp_path, "v", frames)})
    with FrameStore(path) as store:
        assert store["v"][1].shape == (48, 64, 3)


def broken_videos(root: Path) -> dict[str, Path]:
    """Every kind of video that cannot be used, by id."""
    root.mkdir(parents=True)
    whole = file_video(root / "whole.avi", images(6)).read_bytes()
    paths = {name: root / f"{name}.avi" for name in ("missing", "empty", "text", "beheaded")}
    paths["empty"].write_bytes(b"")
    paths["text"].write_text("this is no video\n" * 50)
    paths["beheaded"].write_bytes(whole[:300])
    paths["no images"] = root / "no images"
    paths["no images"].mkdir()
    paths["half an image"] = folder_video(root, "half an image", images(2))
    (paths["half an image"] / "1.png").write_bytes(b"\x89PNG half")
    return paths


def test_broken_videos_are_recorded_and_do_not_affect_others(tmp_path, caplog):
    caplog.set_level(logging.CRITICAL)
    good = folder_video(tmp_path, 'it\'s "good" — naïve 視頻', images(4))
    broken = broken_videos(tmp_path / "broken")
    single = decode(tmp_path / "single.h5", {"good": good})
    with (
        FrameStore(decode(tmp_path / "all.h5", {**broken, "good": good})) as store,
        FrameStore(single) as one,
    ):
        assert store.videos == ["good"]
        assert sorted(store.failures) == sorted(broken)
        for video, reason in store.failures.items():
            assert str(broken[video]) in reason, "the reason names the file"
        for a, b in zip(store["good"], one["good"], strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_video_cut_short_keeps_the_frames_that_decode(tmp_path, caplog):
    path = file_video(tmp_path / "v.avi", images(40))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with FrameStore(decode(tmp_path / "0000.h5", {"v": path})) as store:
        assert 5 < len(store["v"]) < 40
    assert "cut short" in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_a_file_without_read_permission(tmp_path):
    path = file_video(tmp_path / "v.avi", images(2))
    path.chmod(0)
    with FrameStore(decode(tmp_path / "0000.h5", {"v": path})) as store:
        assert "cannot be read" in store.failures["v"]


def test_an_interrupted_shard_does_not_decode_a_finished_video_again(tmp_path, monkeypatch):
    videos = {name: folder_video(tmp_path, name, images(3)) for name in ("a", "b")}
    decoded: list[str] = []
    real = decoder.Decoder.decode

    def until_b(self: decoder.Decoder, record: VideoRecord, part: Path) -> None:
        decoded.append(record.video)
        if record.video == "b" and decoded.count("b") == 1:
            raise KeyboardInterrupt
        real(self, record, part)

    monkeypatch.setattr(decoder.Decoder, "decode", until_b)
    with pytest.raises(KeyboardInterrupt):
        decode(tmp_path / "0000.h5", videos)
    assert not (tmp_path / "0000.h5").exists()
    with FrameStore(decode(tmp_path / "0000.h5", videos)) as store:
        assert store.videos == ["a", "b"]
    assert decoded == ["a", "b", "b"]


def test_memory_does_not_grow_with_the_length_of_a_video(tmp_path):
    def peak(count: int) -> int:
        path = file_video(tmp_path / f"{count}.avi", [images(1, 320, 240)[0]] * count)
        tracemalloc.start()
        with open_part(tmp_path / f"{count}.h5", "v") as group:
            write_frames(group, decode_video(path), FrameSettings(), path)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(5)  # what is imported or cached once
    assert peak(300) < peak(30) + 2_000_000  # bytes: less than nine more frames


def test_settings_out_of_range():
    for wrong in ({"encoding": "gif"}, {"quality": 0}, {"max_side": 4}):
        with pytest.raises(ConfigError, match=f"^{next(iter(wrong))}: "):
            FrameSettings(**wrong)
    for wrong in ({"time_limit": 0}, {"memory_limit": -1.0}, {"time_limit": float("nan")}):
        with pytest.raises(ConfigError, match=f"^{next(iter(wrong))}: "):
            DecodingLimits(**wrong)


def test_a_damaged_frame_names_its_store(tmp_path):
    import h5py

    path = decode(tmp_path / "0000.h5", {"v": folder_video(tmp_path, "v", images(1))})
    with h5py.File(path, "r+") as file:
        file["v000000/encoded"][:] = 0
    with pytest.raises(DataError, match=r"damaged.*delete it and run again"):
        FrameStore(path)
    embed_checksum(path)  # damaged before it was sealed
    with FrameStore(path) as store, pytest.raises(DataError, match="move it to another folder"):
        store["v"][0]


def test_table_of_videos(tmp_path):
    path = decode(tmp_path / "0000.h5", {"b": folder_video(tmp_path, "v", images(5))})
    row = {"path": "p", "split": "test", "label": "run|jump", "shard": "0000"}
    write_video_table([{"video": "b", **row}, {"video": "a", **row}], [path], tmp_path / "videos.csv")
    assert (tmp_path / "videos.csv").read_text().splitlines() == [
        "video,path,split,label,frames,fps,width,height,duration,shard",
        "a,p,test,run|jump,0,,,,,0000",
        "b,p,test,run|jump,5,25.0,64,48,0.2,0000",
    ]


def test_table_of_no_videos(tmp_path):
    write_video_table([], [], tmp_path / "videos.csv")
    assert len(pd.read_csv(tmp_path / "videos.csv")) == 0


def test_real_clips_have_as_many_frames_as_annotated(shared, tmp_path):
    root = shared / "data" / "thumos13" / "UCF-101"
    path = decode(tmp_path / "0000.h5", {name: root / name for name in CLIPS})
    with FrameStore(path) as store:
        found = {name: (len(store[name]), store[name].width, store[name].height) for name in store.videos}
    assert found == CLIPS


def test_a_frame_without_a_picture_keeps_its_number(tmp_path):
    """Frames before and after it are the same; reading it is an error that names it."""
    pictures = images(3)
    frames = [None, pictures[0], None, pictures[1], pictures[2], None]
    video = DecodedVideo(64, 48, 25.0, False, iter([DecodedFrame(image) for image in frames]))
    with ShardWriter(tmp_path / "0.h5", "frames/1", {}) as writer, writer.part("v") as part:
        with open_part(part, "v") as group:
            write_frames(group, video, FrameSettings("png"), tmp_path)
    with FrameStore(tmp_path / "0.h5") as store:
        assert store["v"].has_picture.tolist() == [image is not None for image in frames]
        for index in (1, 3, 4):
            np.testing.assert_array_equal(store["v"][index], frames[index][..., ::-1])
        with pytest.raises(DataError, match="frame 2: a frame without a picture"):
            store["v"][2]
