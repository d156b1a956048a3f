from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.artifacts.provenance import provenance
    from actorsup.linking.settings import LinkerSettings
    from actorsup.linking.stage import link_videos

    inputs, params = snakemake.input, snakemake.params
    link_videos(
        Path(inputs.frames),
        Path(inputs.detections),
        Path(snakemake.output[0]),
        LinkerSettings.of_section(params.settings),
        weights=Path(inputs.weights[0]) if inputs.weights else None,
        device=params.device,
        provenance=provenance(snakemake.rule, params.settings, list(inputs), code=params.code),
    )
