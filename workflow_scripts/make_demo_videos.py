from actorsup.logs import job

# the videos are known by the plan's digests, as a user's are
tables = snakemake.output.table, snakemake.output.ground_truth
with job(snakemake.log[0], snakemake.threads, snakemake.input, tables):
    from pathlib import Path

    from actorsup.demo.settings import DemoSettings
    from actorsup.demo.videos import make_videos

    make_videos(Path(snakemake.output.table).parent, DemoSettings(**snakemake.params.settings))
