from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from actorsup.formats.predictions import merge_predictions, predictions_json

    merge_predictions(snakemake.input, snakemake.output.h5)
    predictions_json(snakemake.input, snakemake.output.json)
