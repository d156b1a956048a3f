from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.artifacts.provenance import provenance
    from actorsup.detection.settings import DetectorSettings
    from actorsup.detection.stage import detect_videos

    inputs, params = snakemake.input, snakemake.params
    detect_videos(
        Path(inputs.frames),
        Path(snakemake.output[0]),
        DetectorSettings.of_section(params.settings),
        params.actors,
        weights=Path(inputs.weights[0]) if inputs.weights else None,
        device=params.device,
        provenance=provenance(
            snakemake.rule, params.settings, list(inputs), code=params.code, actors=list(params.actors)
        ),
    )
