from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.datasets.ground_truth import write_ground_truth
    from actorsup.datasets.readers import open_dataset
    from actorsup.frames.video_table import read_stored_infos

    dataset = open_dataset(snakemake.wildcards.dataset, snakemake.params.dataset, snakemake.params.seed)
    stored = read_stored_infos(snakemake.input.frames)
    write_ground_truth(dataset, Path(snakemake.input.videos), Path(snakemake.output[0]), stored)
