# Tables (4.1, 4.3, 4.4).


# boxes are compared in frames that are annotated alone
ANNOTATED = from_evaluated(lambda w, d: d.annotated_table())
TUBES = from_evaluated(
    lambda w, d: [
        path
        for linker in d.section["linkers"]
        for path in tube_shards(w.dataset, linker, d.shards_to_score())
    ]
)
RUNS = from_evaluated(lambda w, d: compared(d.section))
SHARDS_OF_RUNS = from_evaluated(lambda w, d: shards_of(w.dataset, compared(d.section)))


rule evaluate_recall:
    input:
        tubes=TUBES,
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=ANNOTATED,
    output:
        shown("results/{dataset}_recall.csv", "recall", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_recall.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_recall.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=need(4000, each=0.1),
        runtime=need(60, each=0.1),
    params:
        linkers=from_evaluated(lambda w, d: d.section["linkers"]),
        settings=evaluated_with("evaluate_recall"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Recall of the proposals of {wildcards.dataset}"
    script:
        "../workflow_scripts/evaluate_recall.py"


rule evaluate_map:
    input:
        predictions=SHARDS_OF_RUNS,
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=ANNOTATED,
        failures="results/{dataset}/failures.csv",
    output:
        shown("results/{dataset}_map.csv", "map", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_map.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_map.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=need(4000, each=0.1),
        runtime=need(60, each=0.1),
    params:
        table="map",
        runs=RUNS,
        settings=evaluated_with("evaluate_map"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Mean average precision of {wildcards.dataset}"
    script:
        "../workflow_scripts/evaluate_map.py"


use rule evaluate_map as evaluate_ablation with:
    input:
        predictions=planned(
            lambda w: shards_of(
                w.dataset, compared(PLAN.ablation(w.dataset, w.ablation))
            )
        ),
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=ANNOTATED,
    output:
        shown("results/{dataset}/ablations/{ablation}.csv", "ablation", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_ablation/{ablation}.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_ablation/{ablation}.tsv"
    params:
        table="ablation",
        runs=planned(lambda w: compared(PLAN.ablation(w.dataset, w.ablation))),
        settings=evaluated_with("evaluate_ablation"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Comparing what ablations.{wildcards.ablation} names on {wildcards.dataset}"


use rule evaluate_map as evaluate_epochs with:
    input:
        predictions=from_evaluated(
            lambda w, d: shards_of(w.dataset, by_epoch(d.section))
        ),
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=ANNOTATED,
    output:
        shown("results/{dataset}/map_by_epoch.csv", "map_by_epoch", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_epochs.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_epochs.tsv"
    params:
        table="map_by_epoch",
        runs=from_evaluated(lambda w, d: by_epoch(d.section)),
        settings=evaluated_with("evaluate_epochs"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Mean average precision of {wildcards.dataset} after each epoch"


use rule evaluate_map as evaluate_actors with:
    output:
        shown("results/{dataset}/actor_map.csv", "actor_map", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_actors.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_actors.tsv"
    params:
        table="actor_map",
        runs=RUNS,
        settings=evaluated_with("evaluate_actors"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Average precision for each actor of {wildcards.dataset}"


use rule evaluate_map as evaluate_frames with:
    output:
        shown("results/{dataset}/frame_map.csv", "frame_map", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_frames.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_frames.tsv"
    params:
        table="frame_map",
        runs=RUNS,
        settings=evaluated_with("evaluate_frames"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Average precision of the boxes of all frames of {wildcards.dataset}"


use rule evaluate_map as evaluate_errors with:
    output:
        shown("results/{dataset}/errors.csv", "errors", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_errors.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_errors.tsv"
    params:
        table="errors",
        runs=RUNS,
        settings=evaluated_with("evaluate_errors"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "What kinds of errors there are on {wildcards.dataset}"


rule evaluate_intervals:
    input:
        tubes=TUBES,
        predictions=SHARDS_OF_RUNS,
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=ANNOTATED,
    output:
        shown(
            "results/{dataset}/confidence_intervals.csv",
            "confidence_intervals",
            "Evaluation",
        ),
    log:
        "logs/{dataset}/evaluate_intervals.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_intervals.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=need(4000, each=0.1),
        runtime=need(60, each=0.1),
    params:
        linkers=from_evaluated(lambda w, d: d.section["linkers"]),
        runs=RUNS,
        settings=evaluated_with("evaluate_intervals"),
        seed=SEED,
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Confidence intervals of the tables of {wildcards.dataset}"
    script:
        "../workflow_scripts/evaluate_intervals.py"
