from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.report.pictures import draw_predictions

    inputs = snakemake.input
    draw_predictions(
        [Path(path) for path in inputs.frames],
        [Path(path) for path in inputs.predictions],
        Path(inputs.ground_truth[0]) if inputs.ground_truth else None,
        Path(snakemake.output[0]),
    )
