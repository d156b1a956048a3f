from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads):
    from pathlib import Path

    from actorsup.attention.scoring import score_videos
    from actorsup.attention.scoring_settings import ScoringSettings
    from actorsup.provenance import provenance

    inputs, params = snakemake.input, snakemake.params
    score_videos(
        Path(inputs.frames),
        Path(inputs.tubes),
        Path(inputs.model),
        Path(snakemake.output[0]),
        params.videos,
        ScoringSettings(**params.settings),
        device=snakemake.config["device"],
        provenance=provenance(
            snakemake.rule, params.settings, list(inputs), code=params.code, videos=list(params.videos)
        ),
    )
