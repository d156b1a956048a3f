from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from actorsup.report.cost import find_records, write_cost

    params = snakemake.params
    # found again here: a command line of ten thousand paths would be none
    write_cost(find_records(snakemake.wildcards.dataset, params.weights), params.videos, snakemake.output[0])
