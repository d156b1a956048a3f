from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from actorsup.weights import fetch_published

    fetch_published(snakemake.wildcards.model, snakemake.output[0])
