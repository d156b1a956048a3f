from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads):
    from pathlib import Path

    from actorsup.evaluation.settings import EvaluationSettings
    from actorsup.evaluation.split import TestSplit
    from actorsup.evaluation.stage import write_recall

    linkers, shards = snakemake.params.linkers, snakemake.input.tubes
    each = len(shards) // len(linkers)
    write_recall(
        TestSplit(
            snakemake.wildcards.dataset,
            Path(snakemake.input.ground_truth),
            Path(snakemake.input.videos),
            next(map(Path, snakemake.input.annotated), None),
            EvaluationSettings(**snakemake.params.settings),
        ),
        {linker: shards[i * each : (i + 1) * each] for i, linker in enumerate(linkers)},
        Path(snakemake.output[0]),
    )
