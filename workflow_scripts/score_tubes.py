from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.artifacts.provenance import provenance
    from actorsup.attention.scoring import score_videos
    from actorsup.attention.scoring_settings import ScoringSettings
    from actorsup.training.weights import epoch_file

    inputs, params = snakemake.input, snakemake.params
    # the model of score_tubes_by_epoch is the folder of all epochs
    epoch = snakemake.wildcards.get("epoch")
    model = epoch_file(inputs.model, int(epoch)) if epoch else Path(inputs.model)
    score_videos(
        Path(inputs.frames),
        Path(inputs.tubes),
        model,
        Path(snakemake.output[0]),
        params.videos,
        ScoringSettings(**params.settings),
        device=params.device,
        provenance=provenance(
            snakemake.rule,
            params.settings,
            [inputs.frames, inputs.tubes, model],
            code=params.code,
            videos=list(params.videos),
        ),
        classes=params.classes,
    )
