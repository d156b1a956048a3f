from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads):
    from pathlib import Path

    from actorsup.evaluation.settings import EvaluationSettings
    from actorsup.evaluation.split import TestSplit
    from actorsup.evaluation.stage import write_intervals

    def by_name(names, shards):
        each = len(shards) // len(names)
        return {name: shards[i * each : (i + 1) * each] for i, name in enumerate(names)}

    write_intervals(
        TestSplit(
            snakemake.wildcards.dataset,
            Path(snakemake.input.ground_truth),
            Path(snakemake.input.videos),
            next(map(Path, snakemake.input.annotated), None),
            EvaluationSettings(**snakemake.params.settings),
        ),
        by_name(snakemake.params.linkers, snakemake.input.tubes),
        by_name([tuple(run.values()) for run in snakemake.params.runs], snakemake.input.predictions),
        Path(snakemake.output[0]),
        snakemake.config["seed"],
    )
