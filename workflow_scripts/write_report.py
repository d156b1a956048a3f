from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.evaluation.settings import EvaluationSettings
    from actorsup.report.cost import find_records
    from actorsup.report.inputs import ReportInputs
    from actorsup.report.settings import ReportSettings
    from actorsup.report.stage import write_report

    inputs, params = snakemake.input, snakemake.params
    tables = {name: inputs[name] for name in ("map", "recall", "corloc", "errors", "intervals")}
    write_report(
        snakemake.wildcards.dataset,
        ReportInputs(
            videos=Path(inputs.videos),
            failures=Path(inputs.failures),
            galleries=[Path(path) for path in inputs.galleries],
            stages=dict(zip(params.stages, map(Path, inputs.stages), strict=True)),
            curves=dict(zip(params.runs, map(Path, inputs.curves), strict=True)),
            ablations=[Path(path) for path in inputs.ablations],
            records=find_records(snakemake.wildcards.dataset, params.weights),
            published=params.published,
            **{name: Path(paths[0]) for name, paths in tables.items() if paths},
        ),
        Path(snakemake.output.page),
        ReportSettings(**params.settings),
        EvaluationSettings(**params.evaluation).error_iou,
    )
