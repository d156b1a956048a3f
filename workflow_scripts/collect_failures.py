from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from actorsup.workflow.failures import write_failures

    write_failures(dict(snakemake.input.items()), snakemake.params.missing, snakemake.output[0])
