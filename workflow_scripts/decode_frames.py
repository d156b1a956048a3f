from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.artifacts.provenance import provenance
    from actorsup.datasets.base import VideoRecord
    from actorsup.datasets.contents import FrameNaming
    from actorsup.frames.settings import DecodingLimits, FrameSettings
    from actorsup.frames.stage import decode_videos

    params = snakemake.params
    naming = FrameNaming(**params.naming)
    decode_videos(
        # decoding needs no labels and splits
        [VideoRecord(video, Path(params.root) / path, "", (), naming) for video, path, _ in params.videos],
        Path(snakemake.output[0]),
        FrameSettings(**params.settings),
        provenance(
            snakemake.rule, params.settings, code=params.code, videos=params.videos, naming=params.naming
        ),
        DecodingLimits(**params.limits),
        {video: digest for video, _, digest in params.videos} if params.verify else None,
    )
