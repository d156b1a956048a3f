# Actor attention (3.2, 4.2, 6.2): trained from video labels, then every tube is scored.

# on request: the weights of a model after each epoch are gigabytes
kept_epochs = (
    {"epochs": directory("results/{dataset}/models/{linker}/{model}/seed{seed}_epochs")}
    if PLAN.keeps_epochs
    else {}
)


rule train_attention:
    input:
        frames=from_dataset(lambda w, d: frame_shards(w.dataset, d.shards_to_train())),
        tubes=from_dataset(
            lambda w, d: tube_shards(w.dataset, w.linker, d.shards_to_train())
        ),
        weights=given(lambda w: NETWORKS.encoder_weights(w.model)),
    output:
        **kept_epochs,
        model=protected_if_wanted(
            "results/{dataset}/models/{linker}/{model}/seed{seed}.pt"
        ),
        curve=shown(
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
        mem_mb=need(8000 * PLAN.processes, each=2),
        runtime=need(120, each=2),
        gpu=TRAINING_GPUS,
    params:
        labels=from_dataset(lambda w, d: d.train_labels),
        classes=from_dataset(lambda w, d: d.listing.classes),
        settings=planned(lambda w: NETWORKS.model_settings(w.model)),
        seed=lambda w: PLAN.config["seed"] + int(w.seed),
        options=uncompared(lambda w: PLAN.training_options),
        device=DEVICE,
        code=planned(
            lambda w: code_digest(
                "actorsup.attention.job", *NETWORKS.encoder_modules(w.model)
            )
        ),
    message:
        "Training {wildcards.model} on {wildcards.dataset}, tubes of {wildcards.linker}, seed {wildcards.seed}"
    script:
        "../workflow_scripts/train_attention.py"


rule score_tubes:
    input:
        frames="results/{dataset}/frames/{shard}.h5",
        tubes="results/{dataset}/tubes/{linker}/{shard}.h5",
        model=given(lambda w: PLAN.model_file(w.dataset, w.linker, w.model, w.seed)),
    output:
        "results/{dataset}/predictions/{linker}/{model}/seed{seed}/{shard}.h5",
    log:
        "logs/{dataset}/score_tubes/{linker}/{model}/seed{seed}/{shard}.log",
    benchmark:
        "benchmarks/results/{dataset}/score_tubes/{linker}/{model}/seed{seed}/{shard}.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=need(6000),
        runtime=need(30, each=1),
        gpu=GPU,
    params:
        videos=from_dataset(lambda w, d: d.videos_to_score(w.shard)),
        classes=from_dataset(lambda w, d: d.listing.classes),
        settings=planned(lambda w: NETWORKS.scoring_settings(w.model)),
        device=DEVICE,
        code=planned(
            lambda w: code_digest(
                "actorsup.attention.scoring", *NETWORKS.encoder_modules(w.model)
            )
        ),
    message:
        "Scoring tubes of {wildcards.dataset} with {wildcards.model}, shard {wildcards.shard}"
    script:
        "../workflow_scripts/score_tubes.py"


use rule score_tubes as score_tubes_by_epoch with:
    input:
        frames="results/{dataset}/frames/{shard}.h5",
        tubes="results/{dataset}/tubes/{linker}/{shard}.h5",
        model=planned(
            lambda w: PLAN.epochs_folder(w.dataset, w.linker, w.model, w.seed)
        ),
    output:
        "results/{dataset}/predictions/{linker}/{model}/seed{seed}/epoch{epoch}/{shard}.h5",
    log:
        "logs/{dataset}/score_tubes/{linker}/{model}/seed{seed}/epoch{epoch}/{shard}.log",
    benchmark:
        "benchmarks/results/{dataset}/score_tubes/{linker}/{model}/seed{seed}/epoch{epoch}/{shard}.tsv"
