"""Settings of the frame store."""

from typing import Annotated, Literal

from pydantic import Field

from actorsup.config.fields import Integer, Positive, affects, settings

_DECODE = affects("decode_frames")


@settings
class FrameSettings:
    """How frames are stored; docs/frames.md has the cost of each choice.

    Raises:
        ConfigError: A value that is not allowed.
    """

    encoding: Annotated[Literal["jpeg", "png"], _DECODE] = "jpeg"
    """Image format; ``png`` is lossless."""
    quality: Annotated[Integer, Field(ge=1, le=100), _DECODE] = 90
    """JPEG quality; from 90 on, color keeps its full resolution (4:4:4)."""
    max_side: Annotated[Integer | None, Field(ge=16), _DECODE] = None
    """Maximum longer side of a stored frame; null: the size of the video. Unit: pixels."""


@settings
class DecodingLimits:
    """What the decoding of one video may use. They do not change the stored frames.

    Raises:
        ConfigError: A value that is not allowed.
    """

    time_limit: Annotated[Positive, affects()] = 60.0
    """Maximum time without a new frame, plus 1 s for each 10 MB of the file. A video that exceeds it is
    listed in failures.csv. Unit: seconds."""
    memory_limit: Annotated[Positive, affects()] = 1.0
    """Maximum memory of the decoder, plus 100 bytes for each pixel of a frame. Unit: GiB."""

    def seconds(self, file_bytes: int) -> float:
        """Return the longest time without a new frame for a file of this length."""
        return self.time_limit + file_bytes / 10_000_000

    def memory(self, width: int, height: int) -> int:
        """Return the bytes that the decoder of frames of this size may use."""
        return int(self.memory_limit * 2**30) + 100 * width * height
