from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads):
    from pathlib import Path

    from actorsup.evaluation.settings import EvaluationSettings
    from actorsup.evaluation.split import TestSplit
    from actorsup.evaluation.stage import write_errors

    runs, shards = snakemake.params.runs, snakemake.input.predictions
    each = len(shards) // len(runs)
    write_errors(
        TestSplit(
            snakemake.wildcards.dataset,
            Path(snakemake.input.ground_truth),
            Path(snakemake.input.videos),
            next(map(Path, snakemake.input.annotated), None),
            EvaluationSettings(**snakemake.params.settings),
        ),
        {tuple(run.values()): shards[i * each : (i + 1) * each] for i, run in enumerate(runs)},
        Path(snakemake.output[0]),
    )
