from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads):
    from actorsup.weights import fetch_published

    fetch_published(snakemake.wildcards.model, snakemake.output[0])
