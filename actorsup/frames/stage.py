"""The stage: every video of a shard is decoded once, into the frame store."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from actorsup.artifacts.shards import ShardWriter
from actorsup.datasets.base import VideoRecord
from actorsup.datasets.digests import UNREADABLE, content_digest
from actorsup.errors import VideoError
from actorsup.frames.decoder import Decoder
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.frames.store import SCHEMA
from actorsup.logs import progress

_NO_LIMITS_GIVEN = DecodingLimits()


def decode_videos(
    records: Sequence[VideoRecord],
    output: Path,
    settings: FrameSettings,
    provenance: Mapping[str, Any],
    limits: DecodingLimits = _NO_LIMITS_GIVEN,
    digests: Mapping[str, str] | None = None,
) -> None:
    """Decode videos into a frame store, in a process of its own (``actorsup.frames.decoder``).

    Args:
        records: The videos of the shard; one that cannot be decoded is recorded as a failure.
        output: The shard to make; ``actorsup.frames.write`` says what a group holds.
        settings: How frames are stored.
        provenance: What makes it.
        limits: What a video may take.
        digests: Of each video's content when the run was planned; one that is another by now is
            a failure too. None: not to be looked at.

    Raises:
        DataError: The store cannot be written.
    """
    with ShardWriter(output, SCHEMA, provenance) as writer, Decoder(settings, limits) as decoder:
        for record in progress(records, len(records), "decoding"):
            if writer.finished(record.video):
                continue
            try:
                with writer.part(record.video) as part:
                    decoder.decode(record, part)
                    _check_unchanged(record, (digests or {}).get(record.video, UNREADABLE))
            except VideoError as error:
                writer.fail(record.video, str(error))


def _check_unchanged(record: VideoRecord, planned: str) -> None:
    if planned != UNREADABLE and content_digest(record.path) != planned:
        raise VideoError(f"{record.path}: it has changed since this run was planned; run again")
