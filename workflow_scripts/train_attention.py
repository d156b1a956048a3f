from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from actorsup.artifacts.provenance import provenance
    from actorsup.attention.job import TrainingJob, train

    inputs, outputs, params, config = (
        getattr(snakemake, of) for of in ("input", "output", "params", "config")
    )
    what = {
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
            device=config["device"],
            provenance=provenance(snakemake.rule, params.settings, list(inputs), code=params.code, **what),
            # how it is done makes no other model: a change of it trains nothing again
            **{
                name: how
                for name, how in config.get("training", {}).items()
                if name not in ("keep_epochs", "protect")
            },
            board=snakemake.log[0].removesuffix(".log"),
            epochs=snakemake.output.get("epochs"),
            **what,
        )
    )
