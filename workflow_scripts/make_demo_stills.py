from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.demo.settings import DemoSettings
    from actorsup.demo.stills import make_stills

    make_stills(Path(snakemake.output.annotations).parent, DemoSettings(**snakemake.params.settings))
