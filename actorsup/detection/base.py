"""The interface of actor detectors (Section 3.1, actor detection)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.images import Image
from actorsup.errors import REBUILD, report_read_errors

if TYPE_CHECKING:  # planning a run imports this module, but neither h5py nor OpenCV
    import h5py

    from actorsup.artifacts.tube_files import VideoInfo
    from actorsup.detection.settings import DetectorSettings
    from actorsup.formats.conventions import Problem
    from actorsup.frames.store import VideoFrames

SCHEMA = "detections/1"
"""Schema of a shard of detections: a group a video holds ``Detections.arrays()``."""


@dataclass(frozen=True)
class ImageDetections:
    """The D actors found in one image, best first.

    Attributes:
        boxes: (D, 4) float32 xyxy in pixels of the image, inside it.
        score: (D,) float32 in [0, 1], descending.
        actor: (D,) int16, COCO category id (1-90).
    """

    boxes: NDArray[np.float32]
    score: NDArray[np.float32]
    actor: NDArray[np.int16]


@dataclass(frozen=True)
class Detections:
    """The D detections of one video, ordered by frame, best first within a frame.

    Attributes:
        frame: (D,) int32, 0-based.
        boxes: (D, 4) float32 xyxy in pixels of the source frame.
        score: (D,) float32 in [0, 1].
        actor: (D,) int16, COCO category id (1-90).
    """

    frame: NDArray[np.int32]
    boxes: NDArray[np.float32]
    score: NDArray[np.float32]
    actor: NDArray[np.int16]

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def of_images(
        cls, frames: Sequence[int] | NDArray[np.int32], found: Sequence[ImageDetections]
    ) -> "Detections":
        """Detections of a video from those of its images: of the ascending frames ``frames``."""
        counts = [len(one.score) for one in found]
        return cls(
            frame=np.repeat(np.array(frames, np.int32), counts),
            boxes=np.concatenate([np.zeros((0, 4), np.float32), *(one.boxes for one in found)]),
            score=np.concatenate([np.zeros(0, np.float32), *(one.score for one in found)]),
            actor=np.concatenate([np.zeros(0, np.int16), *(one.actor for one in found)]),
        )

    def arrays(self) -> dict[str, NDArray]:
        """The arrays by their name in a detection file."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def read_detections(group: "h5py.Group") -> Detections:
    """The detections of one video from its group of a shard of detections.

    Raises:
        DataError: They are not in the group, or cannot be read.
    """
    with report_read_errors(group.file.filename, f"{group.name}: not the detections of a video; {REBUILD}"):
        return Detections(**{name: group[name][()] for name in ("frame", "boxes", "score", "actor")})


class Detector(Protocol):
    """Finds actors in images. It is given images of one video at a time, in batches."""

    def detect(self, images: Sequence[Image]) -> list[ImageDetections]:
        """Detections of the actors of interest in each image, after NMS, at or above the score."""
        ...


@runtime_checkable
class VideoDetector(Protocol):
    """Finds the actors of a whole video, such as one that looks them up in a file."""

    def detect_video(self, video: str, images: "VideoFrames") -> Detections:
        """Detections of a video of this id, boxes in pixels of the source frame.

        Raises:
            VideoError: This video cannot be used.
        """
        ...


Build = Callable[["DetectorSettings", Sequence[int], Path | None, str], Detector | VideoDetector]
"""A section, COCO ids of the actors of interest, the file of weights (None is random) and a device."""


@dataclass(frozen=True)
class DetectorType:
    """A type of detector: how it is built, and what planning a run needs to know of it.

    Attributes:
        build: Builds a detector. Packages that take long to import are imported inside.
        section: Settings class of its sections, a subclass of ``DetectorSection``. Settings of its own reach
            ``build`` as ``settings.options``. One with ``weights`` says where its weights come from.
        files: Settings of a section that name its files; they are its weights.
        published: The name of the published weights of a section, None where nobody publishes any.
        trunk: Whether an encoder can start from its weights (``weights: detector:NAME``).
        check: Returns what is implausible about the detections in the files of a section, given length, frame
            rate and size of the videos, by id; for ``actorsup check``.
    """

    build: Build
    section: type[Any]
    files: tuple[str, ...] = ()
    published: Callable[[Mapping[str, Any]], str | None] = lambda section: None
    trunk: bool = False
    check: Callable[[Mapping[str, Any], Mapping[str, "VideoInfo"]], list["Problem"]] = (
        lambda section, videos: []
    )
