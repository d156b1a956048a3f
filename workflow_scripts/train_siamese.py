from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.artifacts.provenance import provenance
    from actorsup.linking.siamese.training import TrainingSet, train_siamese

    params = snakemake.params
    training_set = TrainingSet(**{key: Path(path) for key, path in snakemake.input.items()})
    train_siamese(
        training_set,
        Path(snakemake.output.weights),
        params.settings,
        device=params.device,
        seed=params.seed,
        provenance=provenance(
            snakemake.rule,
            params.settings,
            training_set.index_files(),
            code=params.code,
            seed=params.seed,
        ),
    )
