from actorsup.logs import job

with job(snakemake.log[0], snakemake.threads, snakemake.input, snakemake.output):
    from pathlib import Path

    from actorsup.artifacts.provenance import provenance
    from actorsup.detection.settings import DetectorTrainingSettings
    from actorsup.detection.training import train_detector

    inputs, params = snakemake.input, snakemake.params
    train_detector(
        Path(inputs.images),
        Path(inputs.annotations),
        Path(snakemake.output.weights),
        DetectorTrainingSettings.of_section(params.settings),
        device=params.device,
        seed=params.seed,
        provenance=provenance(
            snakemake.rule, params.settings, [inputs.annotations], code=params.code, seed=params.seed
        ),
    )
