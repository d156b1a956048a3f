from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.artifacts.provenance import provenance
    from actorsup.report.drawn_videos import draw_videos
    from actorsup.report.settings import ReportSettings

    inputs, params = snakemake.input, snakemake.params
    draw_videos(
        [Path(path) for path in inputs.frames],
        [Path(path) for path in inputs.predictions],
        Path(inputs.ground_truth[0]) if inputs.ground_truth else None,
        Path(snakemake.output[0]),
        ReportSettings(**params.settings).max_side,
        provenance(snakemake.rule, params.settings, list(inputs), code=params.code),
    )
