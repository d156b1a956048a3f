from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.report.paper.stage import write_left_out

    write_left_out(snakemake.params.left_out, Path(snakemake.output[0]))
