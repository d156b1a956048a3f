from actorsup.logs import job

# exports get no checksum files, because users may correct them
with job(snakemake.log[0], snakemake.threads, snakemake.input):
    from pathlib import Path

    from actorsup.formats.exports import export_tubes

    output = snakemake.output
    export_tubes(
        list(snakemake.input),
        Path(output.coco),
        Path(output.cvat),
        Path(output.mot),
        **snakemake.params.settings,
    )
