from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from actorsup.frames.video_table import write_video_table

    write_video_table(snakemake.params.videos, snakemake.input.frames, snakemake.output[0])
