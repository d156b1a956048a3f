from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.paper.stage import write_paper_item

    params, output = snakemake.params, snakemake.output
    write_paper_item(
        snakemake.wildcards.item,
        {dataset: (section, Path(path)) for dataset, (section, path) in params.measured.items()},
        params.left_out,
        Path(output.csv),
        Path(output.svg),
        Path(output.png),
        published=Path(snakemake.input.published),
        limits=params.limits,
        evaluation=params.evaluation,
    )
