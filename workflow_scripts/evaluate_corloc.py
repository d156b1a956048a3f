from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.evaluation.corloc_stage import SplitShards, write_corloc
    from actorsup.evaluation.settings import EvaluationSettings
    from actorsup.evaluation.split import TestSplit, shards_by

    inputs, params = snakemake.input, snakemake.params
    runs = [tuple(run.values()) for run in params.runs]
    shards = {"test": (inputs.tubes, inputs.predictions)}
    if inputs.training_scores:
        shards["train"] = (inputs.training_tubes, inputs.training_scores)
    write_corloc(
        TestSplit(
            snakemake.wildcards.dataset,
            Path(inputs.ground_truth),
            Path(inputs.videos),
            Path(inputs.annotated[0]) if inputs.annotated else None,
            EvaluationSettings(**params.settings),
        ),
        {
            split: SplitShards(shards_by(params.linkers, tubes), shards_by(runs, scored))
            for split, (tubes, scored) in shards.items()
        },
        Path(snakemake.output[0]),
        params.seed,
    )
