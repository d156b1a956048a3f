from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads):
    from pathlib import Path

    from actorsup.linking.training import train_siamese
    from actorsup.provenance import provenance

    params = snakemake.params
    train_siamese(
        Path(snakemake.input.sequences),
        Path(snakemake.output.weights),
        params.settings,
        device=snakemake.config["device"],
        seed=params.seed,
        provenance=provenance(
            snakemake.rule,
            params.settings,
            [Path(snakemake.input.sequences) / "list.txt"],
            code=params.code,
            seed=params.seed,
        ),
    )
