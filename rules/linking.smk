# Actor linking (3.1, 4.2, Algorithm 1 in 6.1).


rule train_siamese:
    input:
        unpack(user_files(lambda w: NETWORKS.training_data("linkers", w.linker))),
    output:
        weights=protected_if_configured("results/weights/linkers/{linker}.pt"),
        curve="results/weights/linkers/{linker}.csv",
    log:
        "logs/weights/train_siamese_{linker}.log",
    benchmark:
        "benchmarks/results/weights/train_siamese/{linker}.tsv"
    conda:
        VISION_ENV
    threads: 8
    resources:
        mem_mb=scaled(8000),
        runtime=scaled(720),
        gpu=GPU,
    params:
        settings=from_plan(lambda w: NETWORKS.training_settings("linkers", w.linker)),
        seed=SEED,
        device=DEVICE,
        code=code_digest("actorsup.linking.siamese.training"),
    message:
        "Training the Siamese network of {wildcards.linker}"
    script:
        "../workflow_scripts/train_siamese.py"


rule link_actors:
    input:
        frames="results/{dataset}/frames/{shard}.h5",
        detections=from_plan(
            lambda w: detection_shards(w.dataset, [w.linker], [w.shard])[0]
        ),
        weights=user_files(lambda w: NETWORKS.linker_weights(w.linker)),
    output:
        "results/{dataset}/tubes/{linker}/{shard}.h5",
    log:
        "logs/{dataset}/link_actors/{linker}/{shard}.log",
    benchmark:
        "benchmarks/results/{dataset}/link_actors/{linker}/{shard}.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=scaled(6000),
        runtime=scaled(60, per_video=10),
        gpu=GPU,
    params:
        settings=from_plan(lambda w: NETWORKS.settings("linkers", w.linker)),
        device=DEVICE,
        code=from_plan(
            lambda w: code_digest(
                "actorsup.linking.stage", NETWORKS.module("linkers", w.linker)
            )
        ),
    message:
        "Linking actors in {wildcards.dataset} with {wildcards.linker}, shard {wildcards.shard}"
    script:
        "../workflow_scripts/link_actors.py"
