"""The settings of the frame store."""

from dataclasses import dataclass

from actorsup.errors import ConfigError

ENCODINGS = ("jpeg", "png")


@dataclass(frozen=True)
class FrameSettings:
    """How frames are stored; docs/frames.md says what each choice costs.

    Attributes:
        encoding: ``"jpeg"`` or ``"png"`` (lossless).
        quality: Of JPEG, 1-100; from 90 on colour is kept at full resolution (4:4:4).
        max_side: Cap of the longer side in pixels, at least 16; None stores the video's size.

    Raises:
        ConfigError: A value out of range.
    """

    encoding: str = "jpeg"
    quality: int = 90
    max_side: int | None = None

    def __post_init__(self) -> None:
        if self.encoding not in ENCODINGS:
            raise ConfigError(f"frames.encoding: {self.encoding!r}; allowed: {', '.join(ENCODINGS)}")
        if not 1 <= self.quality <= 100:
            raise ConfigError(f"frames.quality: {self.quality!r}; allowed: 1-100")
        if self.max_side is not None and self.max_side < 16:
            raise ConfigError(f"frames.max_side: {self.max_side!r}; allowed: null or at least 16")


@dataclass(frozen=True)
class DecodingLimits:
    """What the decoding of one video may take; they have no part in what is stored.

    Attributes:
        time_limit: Seconds until the first frame, and from one frame to the next, beside one for each
            10 MB of the file, which may have to be read first.
        memory_limit: GiB of memory, beside 100 bytes for each pixel of a frame: what decoders keep of
            the frames before is about half of that.

    Raises:
        ConfigError: A value out of range.
    """

    time_limit: float = 60.0
    memory_limit: float = 1.0

    def __post_init__(self) -> None:
        for name in ("time_limit", "memory_limit"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"frames.{name}: {getattr(self, name)!r}; allowed: above 0")

    def seconds(self, file_bytes: int) -> float:
        """How long there may be no new frame of a file of this length."""
        return self.time_limit + file_bytes / 10_000_000

    def memory(self, width: int, height: int) -> int:
        """Bytes that the decoder of frames of this size may use."""
        return int(self.memory_limit * 2**30) + 100 * width * height
