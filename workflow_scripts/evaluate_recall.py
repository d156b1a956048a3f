from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.evaluation.settings import EvaluationSettings
    from actorsup.evaluation.split import TestSplit, shards_by
    from actorsup.evaluation.stage import write_recall

    inputs, params = snakemake.input, snakemake.params
    write_recall(
        TestSplit(
            snakemake.wildcards.dataset,
            Path(inputs.ground_truth),
            Path(inputs.videos),
            Path(inputs.annotated[0]) if inputs.annotated else None,
            EvaluationSettings(**params.settings),
        ),
        shards_by(params.linkers, inputs.tubes),
        Path(snakemake.output[0]),
    )
