from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.evaluation.settings import EvaluationSettings
    from actorsup.evaluation.split import TestSplit, shards_by
    from actorsup.evaluation.stage import write_confidence_intervals

    inputs, params = snakemake.input, snakemake.params
    runs = [tuple(run.values()) for run in params.runs]
    write_confidence_intervals(
        TestSplit(
            snakemake.wildcards.dataset,
            Path(inputs.ground_truth),
            Path(inputs.videos),
            Path(inputs.annotated[0]) if inputs.annotated else None,
            EvaluationSettings(**params.settings),
        ),
        shards_by(params.linkers, inputs.tubes),
        shards_by(runs, inputs.predictions),
        Path(snakemake.output[0]),
        params.seed,
    )
