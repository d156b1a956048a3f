"""The decoding stage: decode each video of a shard once, into the frame store."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from actorsup.artifacts.shards import ShardWriter
from actorsup.datasets.base import VideoRecord
from actorsup.datasets.digests import UNREADABLE_DIGEST, content_digest
from actorsup.datasets.frame_names import folder_frames
from actorsup.errors import VideoError
from actorsup.frames import SCHEMA
from actorsup.frames.decoder import Decoder
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.logs import progress

_LOG = logging.getLogger(__name__)
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
        records: Videos of the shard. A video that cannot be decoded is listed in the failures of the shard.
        output: Path of the shard to write; ``write_frames`` describes the group of a video.
        settings: Format and size of the stored frames.
        provenance: Inputs and settings that determine the shard.
        limits: Time and memory limits per video.
        digests: Content digest of each video, by id, when Snakemake built the job graph. A video whose
            content has changed since then is a failure. None skips the comparison.

    Raises:
        DataError: The frame store cannot be written.
    """
    with ShardWriter(output, SCHEMA, provenance) as writer, Decoder(settings, limits) as decoder:
        for record in progress(records, len(records), "decoding"):
            if writer.finished(record.video):
                continue
            try:
                if record.path.is_dir():
                    for note in folder_frames(record.path, record.naming).notes:
                        _LOG.warning("%s: %s", record.path, note)
                with writer.part(record.video) as part:
                    decoder.decode(record, part)
                    expected_digest = (digests or {}).get(record.video, UNREADABLE_DIGEST)
                    if (
                        expected_digest != UNREADABLE_DIGEST
                        and content_digest(record.path, record.naming.frame_names) != expected_digest
                    ):
                        raise VideoError(f"{record.path}: changed since this run was planned; run again")
            except VideoError as error:
                writer.fail(record.video, str(error))
