"""The decoding stage: decode each video of a shard once, into the frame store."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from actorsup.artifacts.shards import ShardWriter
from actorsup.datasets.base import VideoRecord
from actorsup.datasets.digests import UNREADABLE_DIGEST, content_digest
from actorsup.errors import VideoError
from actorsup.frames import SCHEMA
from actorsup.frames.decoder import Decoder
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.logs import progress

_DEFAULT_LIMITS = DecodingLimits()


def decode_videos(
    records: Sequence[VideoRecord],
    output: Path,
    settings: FrameSettings,
    provenance: Mapping[str, Any],
    limits: DecodingLimits = _DEFAULT_LIMITS,
    digests: Mapping[str, str] | None = None,
) -> None:
    """Decode the videos of a shard into a frame store, in a separate process (``actorsup.frames.decoder``).

    Args:
        records: The videos; one that cannot be decoded is recorded as a failure.
        output: The shard to write; ``actorsup.frames.write`` describes the group of a video.
        settings: How frames are stored.
        provenance: The inputs and settings that the shard is made from.
        limits: Time and memory limits for a video.
        digests: Content digest of each video when the run was planned; a video whose content has changed
            since is a failure. None skips the comparison.

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
                    planned = (digests or {}).get(record.video, UNREADABLE_DIGEST)
                    if planned != UNREADABLE_DIGEST and content_digest(record.path) != planned:
                        raise VideoError(f"{record.path}: changed since this run was planned; run again")
            except VideoError as error:
                writer.fail(record.video, str(error))
