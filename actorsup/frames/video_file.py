"""Read a video file, one frame at a time, with PyAV (the libraries of FFmpeg)."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import SupportsBytes, cast

import av
import av.logging
import cv2
import numpy as np
from av.container import InputContainer
from av.format import Flags
from av.stream import Disposition
from av.video.reformatter import Interpolation, VideoReformatter
from av.video.stream import VideoStream

from actorsup.errors import VideoError
from actorsup.frames.decoded import BgrImage, DecodedFrame

MAX_PIXELS = 64_000_000
MAX_FRAME_COUNT = 10_000_000
# formats that contain their images, unlike playlists, which refer to other files or addresses
_CONTAINER_FORMATS = (
    "avi,mov,matroska,mpeg,mpegts,asf,flv,live_flv,ogg,mxf,nut,rm,wtv,dv,gif,ivf,obu,yuv4mpegpipe,"
    "mpegvideo,m4v,h261,h263,h264,hevc,vvc,mjpeg,vc1,dirac"
)
_OPTIONS = {"format_whitelist": _CONTAINER_FORMATS, "protocol_whitelist": "file"}
_STILL_IMAGE_BRANDS = frozenset({"avif", "heic", "heix", "mif1"})
_CONVERT = "convert it: ffmpeg -i {} -fps_mode passthrough -c:v libx264 -crf 12 NEW.mp4"
# damaged files make PyAV raise any of these
_OPEN_ERRORS = (av.FFmpegError, MemoryError, ValueError, RuntimeError)
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class VideoFile:
    """An open video file.

    Attributes:
        path: Path of the file.
        container: The container, to close after use.
        stream: The video stream that is used.
        num_streams: Number of video streams, without cover pictures.
    """

    path: Path
    container: InputContainer
    stream: VideoStream
    num_streams: int

    @property
    def rates(self) -> tuple[float, ...]:
        """Frame rates that the headers state: the container's mean rate, then the rate of the stream."""
        rates = (self.stream.average_rate, self.stream.guessed_rate)
        # the mean rate of a raw stream is FFmpeg's default
        return tuple(float(rate) for rate in (rates if self.has_times else rates[1:]) if rate)

    @property
    def has_times(self) -> bool:
        """Whether the container states the times of frames, unlike a raw stream."""
        return not self.container.format.flags & cast(int, Flags.no_timestamps.value)

    @property
    def pixel_aspect(self) -> float:
        """Width of a pixel relative to its height; 1 if the header states none."""
        return float(self.stream.sample_aspect_ratio or 1)

    @property
    def num_packets(self) -> int:
        """Number of packets (about one per frame) that the header claims; 0 if unknown or impossible."""
        # the index of an MP4 lacks the frames that its edit list cuts off
        is_edited = "mp4" in self.container.format.name
        claimed = len(self.stream.index_entries) if is_edited else self.stream.frames
        return claimed if 0 < claimed < MAX_FRAME_COUNT else 0

    @property
    def num_frames(self) -> int:
        """Number of frames by the header, or else by its duration and rate; 0 if unknown."""
        if not self.num_packets and self.container.duration and self.rates:
            frames = round(self.container.duration / av.time_base * self.rates[0])
            return frames if 0 < frames < MAX_FRAME_COUNT else 0
        return self.num_packets


def open_video_file(path: Path) -> VideoFile:
    """Open a video file and choose its video stream: the default one, or else the largest.

    Raises:
        VideoError: The file cannot be read, is not a video, has a codec that cannot be decoded, or has frames
            that are too large.
    """
    try:
        with open(path, "rb") as content:
            is_empty = not content.read(1)
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror})") from error
    if is_empty:
        raise VideoError(f"{path}: an empty file")
    try:
        # an absolute path is not interpreted as a network address
        container = av.open(str(path.absolute()), options=_OPTIONS, metadata_errors="replace")
    except _OPEN_ERRORS as error:
        raise VideoError(_describe_no_video(path)) from error
    try:
        file = _choose_stream(path, container)
        # one thread is fastest on short clips
        file.stream.codec_context.thread_count = 1
        file.stream.codec_context.thread_type = "NONE"
        check_frame_size(path, file.stream.codec_context.width, file.stream.codec_context.height)
    except BaseException:
        container.close()
        raise
    return file


def read_frames(file: VideoFile) -> Iterator[DecodedFrame]:
    """Yield the frames of a video file, and close it.

    Packets before the first decodable frame are skipped, as in a recording that starts between keyframes.
    After that, the first damaged frame ends the video, so that no frame gets the number of another.

    Raises:
        VideoError: A frame is too large.
    """
    reformatter, num_frames, num_packets, is_damaged = VideoReformatter(), 0, 0, False
    with file.container:
        for packet in _read_packets(file):
            num_packets += packet is not None and packet.size > 0
            frames = None if packet is None else _decode_packet(packet)
            is_damaged = frames is None
            if is_damaged and num_frames:
                break
            for frame in frames or []:
                num_frames += 1
                yield _decode_picture(file, frame, reformatter)
        _warn_if_cut_short(file, num_frames, num_packets, is_damaged)


def packet_times(file: VideoFile, limit: int) -> tuple[list[float | None], list[float | None]]:
    """Return the presentation times and the decoding times of the first packets in seconds, as stored.

    Args:
        file: An open video file, whose position moves.
        limit: Maximum number of packets to read.
    """
    packets = [packet for packet in islice(_read_packets(file), limit) if packet and packet.size]
    if not file.has_times:
        packets = []
    return (
        [_seconds(packet.pts, packet.time_base) for packet in packets],
        [_seconds(packet.dts, packet.time_base) for packet in packets],
    )


def check_frame_size(path: Path, width: float, height: float) -> None:
    """Raise ``VideoError`` if frames of this width and height in pixels exceed ``MAX_PIXELS``."""
    if width * height > MAX_PIXELS:
        raise VideoError(
            f"{path}: frames of {width:.0f}x{height:.0f} pixels; the limit is {MAX_PIXELS:,} pixels; scale "
            "the video down"
        )


def orient(image: BgrImage, matrix: bytes) -> BgrImage:
    """Rotate and mirror an image (H, W, 3) as a display matrix requests, to the nearest quarter turn.

    Args:
        image: The decoded image.
        matrix: FFmpeg's display matrix: nine int32, of which the first two rows map x, y to the display.
    """
    if len(matrix) != 36:
        return image
    (x_to_x, x_to_y, _), (y_to_x, y_to_y, _), _ = np.frombuffer(matrix, np.int32).reshape(3, 3).tolist()
    if abs(x_to_x) + abs(y_to_y) < abs(x_to_y) + abs(y_to_x):
        image, mirror_x, mirror_y = image.transpose(1, 0, 2), y_to_x < 0, x_to_y < 0
    else:
        mirror_x, mirror_y = x_to_x < 0, y_to_y < 0
    return np.ascontiguousarray(image[:: -1 if mirror_y else 1, :: -1 if mirror_x else 1])


def _choose_stream(path: Path, container: InputContainer) -> VideoFile:
    # a cover picture of a song is a video stream too
    videos = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    stream = container.streams.best("video")
    if not videos or not isinstance(stream, VideoStream) or stream not in videos:
        content = "only sound" if container.streams.audio else "no video"
        raise VideoError(f"{path}: not a video: it contains {content}")
    if container.metadata.get("major_brand") in _STILL_IMAGE_BRANDS:
        raise VideoError(_describe_no_video(path, is_image=True))
    if stream.codec_context is None:
        codec = _codec_name(path)
        raise VideoError(f"{path}: its codec ({codec}) cannot be decoded; {_CONVERT.format(path.name)}")
    if len(videos) > 1:
        _LOG.info("%s: %d video streams; stream %d is used", path, len(videos), stream.index)
    return VideoFile(path, container, stream, len(videos))


def _describe_no_video(path: Path, is_image: bool = False) -> str:
    if is_image or cv2.haveImageReader(str(path)):
        return f"{path}: a still image, not a video; expected a video file, or a folder of frames"
    return f"{path}: not a video that can be decoded; check that it is a complete video"


def _codec_name(path: Path) -> str:
    """Return FFmpeg's description of the codec of a file that has no decoder, from FFmpeg's log."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.WARNING)
    try:
        with av.logging.Capture() as messages:
            av.open(str(path.absolute()), options=_OPTIONS, metadata_errors="replace").close()
    except _OPEN_ERRORS:
        pass
    finally:
        av.logging.set_level(level)
    for *_, message in messages:
        _, found, rest = message.partition("Video: ")
        if found:
            return rest.partition(",")[0].partition("):")[0].strip()
    return "unknown"


def _read_packets(file: VideoFile) -> Iterator[av.Packet | None]:
    """Yield the packets of the stream, and None where the container is damaged and ends."""
    try:
        yield from file.container.demux(file.stream)
    except _OPEN_ERRORS:
        yield None


def _decode_packet(packet: av.Packet) -> list[av.VideoFrame] | None:
    """Return the frames that a packet completes, or None if it is damaged."""
    try:
        return cast(list[av.VideoFrame], packet.decode())
    except MemoryError:
        raise
    except (av.FFmpegError, ValueError):
        return None


def _decode_picture(file: VideoFile, frame: av.VideoFrame, reformatter: VideoReformatter) -> DecodedFrame:
    check_frame_size(file.path, frame.width, frame.height)
    bgr = reformatter.reformat(frame, format="bgr24", interpolation=Interpolation.BICUBIC, threads=1)
    image = np.asarray(bgr.to_ndarray(), np.uint8)
    image = _orient_frame(frame, image)
    if not file.has_times:
        return DecodedFrame(image)
    return DecodedFrame(image, frame.time, _seconds(frame.dts, frame.time_base))


def _orient_frame(frame: av.VideoFrame, image: BgrImage) -> BgrImage:
    """Rotate and mirror an image as the header of its file, or its frame, requests."""
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # side data that PyAV does not know, and only the angle is known
        return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))
    return image if matrix is None else orient(image, bytes(cast(SupportsBytes, matrix)))


def _seconds(timestamp: int | None, time_base: Fraction | None) -> float | None:
    return None if timestamp is None or time_base is None else float(timestamp * time_base)


def _warn_if_cut_short(file: VideoFile, num_frames: int, num_packets: int, is_damaged: bool) -> None:
    # a header may count one frame too many
    if num_frames and num_packets + 1 < file.num_packets:
        text = "%s: %d frames decode, the header claims %d: the video is cut short"
        _LOG.warning(text, file.path, num_frames, file.num_packets)
    elif num_frames and is_damaged:
        _LOG.warning("%s: damaged after %d frames; the rest is not used", file.path, num_frames)
