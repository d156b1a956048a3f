from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.demo.sequences import make_sequences
    from actorsup.demo.settings import DemoSettings

    settings = DemoSettings(**snakemake.params.settings)
    make_sequences(Path(snakemake.output.folder), settings)
    make_sequences(Path(snakemake.output.held_out), settings, held_out=True)
