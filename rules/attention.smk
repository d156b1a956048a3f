# Actor attention (3.2, 4.2, 6.2): train on video labels, then score every tube.

# `training.keep_epochs: true` keeps the weights after each epoch, which take gigabytes
epoch_weights = (
    {"epochs": directory("results/{dataset}/models/{linker}/{model}/seed{seed}_epochs")}
    if PLAN.keeps_epochs
    else {}
)


rule train_attention:
    input:
        frames=from_dataset(lambda w, d: frame_shards(w.dataset, d.shards_to_train())),
        tubes=from_dataset(
            lambda w, d: tube_shards(w.dataset, [w.linker], d.shards_to_train())
        ),
        weights=user_files(lambda w: NETWORKS.encoder_weights(w.model)),
    output:
        **epoch_weights,
        model=protected_if_configured(
            "results/{dataset}/models/{linker}/{model}/seed{seed}.pt"
        ),
        curve=in_report(
            "results/{dataset}/models/{linker}/{model}/seed{seed}.csv",
            "training_curve",
            "Training",
        ),
        steps="results/{dataset}/models/{linker}/{model}/seed{seed}_steps.csv",
    log:
        "logs/{dataset}/train_attention/{linker}/{model}/seed{seed}.log",
    benchmark:
        "benchmarks/results/{dataset}/train_attention/{linker}/{model}/seed{seed}.tsv"
    conda:
        VISION_ENV
    threads: 8
    resources:
        mem_mb=scaled(8000 * PLAN.processes, per_video=2),
        runtime=scaled(120, per_video=2),
        gpu=TRAINING_GPUS,
    params:
        labels=from_dataset(lambda w, d: d.train_labels),
        classes=from_dataset(lambda w, d: d.listing.classes),
        settings=from_plan(lambda w: NETWORKS.model_settings(w.model)),
        seed=lambda w: PLAN.config["seed"] + int(w.seed),
        options=untracked(lambda w: PLAN.training_options),
        device=DEVICE,
        code=from_plan(
            lambda w: code_digest(
                "actorsup.attention.job", *NETWORKS.encoder_modules(w.model)
            )
        ),
    message:
        "Training {wildcards.model} on {wildcards.dataset} with the tubes of {wildcards.linker}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/train_attention.py"


rule score_tubes:
    input:
        frames="results/{dataset}/frames/{shard}.h5",
        tubes="results/{dataset}/tubes/{linker}/{shard}.h5",
        model=user_files(
            lambda w: PLAN.model_file(w.dataset, w.linker, w.model, w.seed)
        ),
    output:
        "results/{dataset}/predictions/{linker}/{model}/seed{seed}/{shard}.h5",
    log:
        "logs/{dataset}/score_tubes/{linker}/{model}/seed{seed}/{shard}.log",
    benchmark:
        "benchmarks/results/{dataset}/score_tubes/{linker}/{model}/seed{seed}/{shard}.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=scaled(6000),
        runtime=scaled(30, per_video=1),
        gpu=GPU,
    params:
        videos=from_dataset(lambda w, d: d.videos_to_score(w.shard)),
        classes=from_dataset(lambda w, d: d.listing.classes),
        settings=from_plan(lambda w: NETWORKS.scoring_settings(w.model)),
        device=DEVICE,
        code=from_plan(
            lambda w: code_digest(
                "actorsup.attention.scoring", *NETWORKS.encoder_modules(w.model)
            )
        ),
    message:
        "Scoring the tubes of {wildcards.dataset} with {wildcards.model}, shard {wildcards.shard}"
    script:
        "../workflow_scripts/score_tubes.py"


# scores of training videos are only for the table of CorLoc, and no part of the predictions
use rule score_tubes as score_training_videos with:
    output:
        "results/{dataset}/training_scores/{linker}/{model}/seed{seed}/{shard}.h5",
    log:
        "logs/{dataset}/score_training_videos/{linker}/{model}/seed{seed}/{shard}.log",
    benchmark:
        "benchmarks/results/{dataset}/score_training_videos/{linker}/{model}/seed{seed}/{shard}.tsv"
    params:
        videos=from_dataset(lambda w, d: d.training_videos(w.shard)),
    message:
        "Scoring the training videos of {wildcards.dataset} with {wildcards.model}, shard {wildcards.shard}"


use rule score_tubes as score_tubes_by_epoch with:
    input:
        frames="results/{dataset}/frames/{shard}.h5",
        tubes="results/{dataset}/tubes/{linker}/{shard}.h5",
        model=from_plan(
            lambda w: PLAN.epochs_folder(w.dataset, w.linker, w.model, w.seed)
        ),
    output:
        "results/{dataset}/predictions/{linker}/{model}/seed{seed}/epoch{epoch}/{shard}.h5",
    log:
        "logs/{dataset}/score_tubes/{linker}/{model}/seed{seed}/epoch{epoch}/{shard}.log",
    benchmark:
        "benchmarks/results/{dataset}/score_tubes/{linker}/{model}/seed{seed}/epoch{epoch}/{shard}.tsv"
