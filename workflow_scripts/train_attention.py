from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from actorsup.artifacts.provenance import provenance
    from actorsup.attention.job import TrainingJob, train

    inputs, params = snakemake.input, snakemake.params
    data = {
        "labels": {video: list(labels) for video, labels in params.labels.items()},
        "classes": list(params.classes),
        "seed": params.seed,
    }
    train(
        TrainingJob(
            frames=list(inputs.frames),
            tubes=list(inputs.tubes),
            output=snakemake.output.model,
            settings=dict(params.settings),
            weights=inputs.weights[0] if inputs.weights else None,
            device=params.device,
            provenance=provenance(snakemake.rule, params.settings, list(inputs), code=params.code, **data),
            **params.options,
            board=snakemake.log[0].removesuffix(".log"),
            epochs=snakemake.output.get("epochs"),
            **data,
        )
    )
