from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads):
    from pathlib import Path

    from actorsup.evaluation.stage import write_recall

    linkers, shards = snakemake.params.linkers, snakemake.input.tubes
    each = len(shards) // len(linkers)
    write_recall(
        snakemake.wildcards.dataset,
        {linker: shards[i * each : (i + 1) * each] for i, linker in enumerate(linkers)},
        Path(snakemake.input.ground_truth),
        Path(snakemake.input.videos),
        Path(snakemake.output[0]),
        **snakemake.params.settings,
    )
