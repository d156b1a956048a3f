from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.report.paper.stage import write_paper_item

    params, output = snakemake.params, snakemake.output
    measured = zip(params.measured.items(), snakemake.input.tables, strict=True)
    write_paper_item(
        snakemake.wildcards.item,
        {dataset: (section, Path(table)) for (dataset, (section, _)), table in measured},
        params.left_out,
        Path(output.csv),
        Path(output.svg),
        Path(output.png),
        published=Path(snakemake.input.published),
        limits=params.limits,
        evaluation=params.evaluation,
    )
