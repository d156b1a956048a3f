from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads):
    from pathlib import Path

    from actorsup.attention.settings import AttentionSettings
    from actorsup.attention.training import train_attention
    from actorsup.provenance import provenance

    inputs, params = snakemake.input, snakemake.params
    train_attention(
        [Path(path) for path in inputs.frames],
        [Path(path) for path in inputs.tubes],
        params.labels,
        params.classes,
        Path(snakemake.output.model),
        AttentionSettings(**params.settings),
        weights=Path(inputs.weights[0]) if inputs.weights else None,
        device=snakemake.config["device"],
        seed=params.seed,
        provenance=provenance(
            snakemake.rule,
            params.settings,
            list(inputs),
            code=params.code,
            seed=params.seed,
            labels={video: list(labels) for video, labels in params.labels.items()},
            classes=list(params.classes),
        ),
    )
