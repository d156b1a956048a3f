from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads):
    from pathlib import Path

    from actorsup.demo.settings import DemoSettings
    from actorsup.demo.videos import make_videos

    make_videos(Path(snakemake.output.table).parent, DemoSettings(**snakemake.params.settings))
