from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.artifacts.provenance import provenance
    from actorsup.datasets.base import VideoRecord
    from actorsup.datasets.readers import DATASETS, open_dataset
    from actorsup.frames.settings import DecodingLimits, FrameSettings
    from actorsup.frames.stage import decode_videos

    params, name = snakemake.params, snakemake.wildcards.dataset
    config = snakemake.config
    # where the data set lies is no parameter: a root that moved makes nothing again
    root = open_dataset(name, config["datasets"][name], config["seed"]).root
    limits = {key: config["frames"][key] for key in ("time_limit", "memory_limit") if key in config["frames"]}
    # videos that rules make are known by what makes them
    known = not DATASETS[config["datasets"][name]["type"]].made
    decode_videos(
        # what a video is labeled, and its split, are no business of this stage
        [VideoRecord(video, root / path, "", ()) for video, path, _ in params.videos],
        Path(snakemake.output[0]),
        FrameSettings(**params.settings),
        provenance(snakemake.rule, params.settings, code=params.code, videos=params.videos),
        DecodingLimits(**limits),
        {video: digest for video, _, digest in params.videos} if known else None,
    )
