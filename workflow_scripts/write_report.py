from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads):
    from pathlib import Path

    from actorsup.report.settings import ReportSettings
    from actorsup.report.stage import ReportInputs, write_report

    inputs, params = snakemake.input, snakemake.params
    write_report(
        snakemake.wildcards.dataset,
        ReportInputs(
            videos=Path(inputs.videos),
            failures=Path(inputs.failures),
            galleries=[Path(path) for path in inputs.galleries],
            stages=dict(zip(params.stages, map(Path, inputs.stages), strict=True)),
            map=Path(inputs.map[0]) if inputs.map else None,
            recall=Path(inputs.recall[0]) if inputs.recall else None,
            curves=dict(zip(params.runs, map(Path, inputs.curves), strict=True)),
        ),
        Path(snakemake.output.page),
        ReportSettings(**params.settings),
    )
