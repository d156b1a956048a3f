from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads):
    from pathlib import Path

    from actorsup.demo.sequences import make_sequences
    from actorsup.demo.settings import DemoSettings

    make_sequences(Path(snakemake.output.folder), DemoSettings(**snakemake.params.settings))
