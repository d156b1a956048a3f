from actorsup.logs import job

# exports are there to be corrected by hand, and have no checksum
with job(snakemake.log[0], snakemake.threads, snakemake.input):
    from pathlib import Path

    from actorsup.formats.exports import export_tubes

    export_tubes(
        list(snakemake.input),
        Path(snakemake.output.coco),
        Path(snakemake.output.cvat),
        Path(snakemake.output.mot),
        **snakemake.params.settings,
    )
