from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.artifacts.provenance import provenance
    from actorsup.evaluation.settings import EvaluationSettings
    from actorsup.report.gallery import Shards, write_gallery
    from actorsup.report.settings import ReportSettings

    inputs, params = snakemake.input, snakemake.params
    shards = Shards(*(Path(inputs[name]) for name in ("frames", "detections", "tubes", "predictions")))
    write_gallery(
        shards,
        params.labels,
        Path(inputs.ground_truth[0]) if inputs.ground_truth else None,
        Path(inputs.annotated[0]) if inputs.annotated else None,
        Path(snakemake.output[0]),
        ReportSettings(**params.settings).max_side,
        EvaluationSettings(**params.evaluation),
        provenance(
            snakemake.rule,
            {**params.settings, **params.evaluation},
            list(inputs),
            code=params.code,
            labels=params.labels,
        ),
    )
