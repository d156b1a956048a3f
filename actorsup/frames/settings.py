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
