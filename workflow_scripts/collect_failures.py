from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from actorsup.workflow.failures import write_failures

    params = snakemake.params
    write_failures(
        dict(snakemake.input.items()), params.missing, snakemake.output[0], params.unusable, params.unused
    )
