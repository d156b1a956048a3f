from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads):
    from pathlib import Path

    from actorsup.evaluation.stage import write_map

    runs, shards = snakemake.params.runs, snakemake.input.predictions
    each = len(shards) // len(runs)
    write_map(
        snakemake.wildcards.dataset,
        {tuple(run.values()): shards[i * each : (i + 1) * each] for i, run in enumerate(runs)},
        Path(snakemake.input.ground_truth),
        Path(snakemake.input.videos),
        Path(snakemake.output[0]),
        **snakemake.params.settings,
    )
