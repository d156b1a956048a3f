from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.demo.images import make_images
    from actorsup.demo.settings import DemoSettings

    make_images(Path(snakemake.output.annotations).parent, DemoSettings(**snakemake.params.settings))
