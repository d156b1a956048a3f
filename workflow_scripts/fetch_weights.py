from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from actorsup.training.weights import fetch_published

    fetch_published(snakemake.wildcards.model, snakemake.output[0])
