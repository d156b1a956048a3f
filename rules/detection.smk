# Actor detection (3.1, 4.2).


rule train_detector:
    input:
        images=user_files(
            lambda w: NETWORKS.training_data("detectors", w.detector)["images"]
        ),
        annotations=user_files(
            lambda w: NETWORKS.training_data("detectors", w.detector)["annotations"]
        ),
    output:
        weights=protected_if_configured("results/weights/detectors/{detector}.pt"),
        curve="results/weights/detectors/{detector}.csv",
    log:
        "logs/weights/train_detector_{detector}.log",
    benchmark:
        "benchmarks/results/weights/train_detector/{detector}.tsv"
    conda:
        VISION_ENV
    threads: 8
    resources:
        mem_mb=scaled(8000),
        runtime=scaled(720),
        gpu=GPU,
    params:
        settings=from_plan(
            lambda w: NETWORKS.training_settings("detectors", w.detector)
        ),
        seed=SEED,
        device=DEVICE,
        code=code_digest("actorsup.detection.training"),
    message:
        "Training the detector {wildcards.detector}"
    script:
        "../workflow_scripts/train_detector.py"


rule detect_actors:
    input:
        frames="results/{dataset}/frames/{shard}.h5",
        weights=user_files(lambda w: NETWORKS.detector_weights(w.detector)),
    output:
        "results/{dataset}/detections/{detector}/{shard}.h5",
    log:
        "logs/{dataset}/detect_actors/{detector}/{shard}.log",
    benchmark:
        "benchmarks/results/{dataset}/detect_actors/{detector}/{shard}.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=scaled(4000),
        runtime=scaled(30, per_video=3),
        gpu=GPU,
    params:
        settings=from_plan(lambda w: NETWORKS.settings("detectors", w.detector)),
        actors=from_dataset(lambda w, d: d.section["actors"]),
        device=DEVICE,
        code=from_plan(
            lambda w: code_digest(
                "actorsup.detection.stage", NETWORKS.module("detectors", w.detector)
            )
        ),
    message:
        "Detecting actors in {wildcards.dataset} with {wildcards.detector}, shard {wildcards.shard}"
    script:
        "../workflow_scripts/detect_actors.py"
