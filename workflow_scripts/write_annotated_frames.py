from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.datasets.ground_truth import write_annotated_frames
    from actorsup.datasets.readers import open_dataset

    dataset = open_dataset(snakemake.wildcards.dataset, snakemake.params.dataset, snakemake.params.seed)
    write_annotated_frames(dataset, Path(snakemake.input.videos), Path(snakemake.output[0]))
