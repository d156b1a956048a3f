from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from actorsup.report.cost import find_records, write_cost

    params = snakemake.params
    # listed here and not in the rule: ten thousand paths are too long for a command line
    write_cost(find_records(snakemake.wildcards.dataset, params.weights), params.videos, snakemake.output[0])
