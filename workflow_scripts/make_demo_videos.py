from actorsup.logs import job

# videos get no checksum files, because the plan digests what they are generated from
tables = snakemake.output.table, snakemake.output.ground_truth
with job(snakemake.log[0], snakemake.threads, snakemake.input, tables):
    from pathlib import Path

    from actorsup.demo.settings import DemoSettings
    from actorsup.demo.videos import make_videos

    make_videos(Path(snakemake.output.table).parent, DemoSettings(**snakemake.params.settings))
