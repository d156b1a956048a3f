from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.evaluation.settings import EvaluationSettings
    from actorsup.evaluation.split import TestSplit, shards_by
    from actorsup.evaluation.stage import write_confidence_intervals

    runs = [tuple(run.values()) for run in snakemake.params.runs]
    write_confidence_intervals(
        TestSplit(
            snakemake.wildcards.dataset,
            Path(snakemake.input.ground_truth),
            Path(snakemake.input.videos),
            next(map(Path, snakemake.input.annotated), None),
            EvaluationSettings(**snakemake.params.settings),
        ),
        shards_by(snakemake.params.linkers, snakemake.input.tubes),
        shards_by(runs, snakemake.input.predictions),
        Path(snakemake.output[0]),
        snakemake.params.seed,
    )
