from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from actorsup.workflow.failures import write_failures

    inputs = snakemake.input
    stages = ("frames", "detections", "tubes", "predictions")
    write_failures(
        {stage: inputs.get(stage) for stage in stages}, snakemake.params.missing, snakemake.output[0]
    )
