# Tables of recall, average precision and errors (4.1, 4.3, 4.4).


# sparse ground truth: boxes are compared in the annotated frames only
ANNOTATED = from_evaluated_dataset(lambda w, d: d.annotated_table())
TUBES = from_evaluated_dataset(
    lambda w, d: tube_shards(w.dataset, d.section["linkers"], d.shards_to_score())
)
RUNS = from_evaluated_dataset(lambda w, d: runs_of(d.section))
SHARDS_OF_RUNS = from_evaluated_dataset(
    lambda w, d: shards_of_runs(w.dataset, runs_of(d.section))
)


rule evaluate_recall:
    input:
        tubes=TUBES,
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=ANNOTATED,
    output:
        in_report("results/{dataset}_recall.csv", "recall", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_recall.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_recall.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=scaled(4000, per_video=0.1),
        runtime=scaled(60, per_video=0.1),
    params:
        linkers=from_evaluated_dataset(lambda w, d: d.section["linkers"]),
        settings=evaluation_settings("evaluate_recall"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Computing the recall of the proposals of {wildcards.dataset}"
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
        in_report("results/{dataset}_map.csv", "map", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_map.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_map.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=scaled(4000, per_video=0.1),
        runtime=scaled(60, per_video=0.1),
    params:
        table="map",
        runs=RUNS,
        settings=evaluation_settings("evaluate_map"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Computing the mean average precision on {wildcards.dataset}"
    script:
        "../workflow_scripts/evaluate_map.py"


use rule evaluate_map as evaluate_ablation with:
    input:
        predictions=from_plan(
            lambda w: shards_of_runs(
                w.dataset, runs_of(PLAN.ablation(w.dataset, w.ablation))
            )
        ),
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=ANNOTATED,
    output:
        in_report(
            "results/{dataset}/ablations/{ablation}.csv", "ablation", "Evaluation"
        ),
    log:
        "logs/{dataset}/evaluate_ablation/{ablation}.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_ablation/{ablation}.tsv"
    params:
        table="ablation",
        runs=from_plan(lambda w: runs_of(PLAN.ablation(w.dataset, w.ablation))),
        settings=evaluation_settings("evaluate_ablation"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Comparing the runs of ablations.{wildcards.ablation} on {wildcards.dataset}"


use rule evaluate_map as evaluate_epochs with:
    input:
        predictions=from_evaluated_dataset(
            lambda w, d: shards_of_runs(w.dataset, epoch_runs(d.section))
        ),
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=ANNOTATED,
    output:
        in_report("results/{dataset}/map_by_epoch.csv", "map_by_epoch", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_epochs.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_epochs.tsv"
    params:
        table="map_by_epoch",
        runs=from_evaluated_dataset(lambda w, d: epoch_runs(d.section)),
        settings=evaluation_settings("evaluate_epochs"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Computing the mean average precision on {wildcards.dataset} after each epoch"


use rule evaluate_map as evaluate_actors with:
    output:
        in_report("results/{dataset}/actor_map.csv", "actor_map", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_actors.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_actors.tsv"
    params:
        table="actor_map",
        runs=RUNS,
        settings=evaluation_settings("evaluate_actors"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Computing the average precision of each actor category of {wildcards.dataset}"


use rule evaluate_map as evaluate_frames with:
    output:
        in_report("results/{dataset}/frame_map.csv", "frame_map", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_frames.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_frames.tsv"
    params:
        table="frame_map",
        runs=RUNS,
        settings=evaluation_settings("evaluate_frames"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Computing the frame-level average precision on {wildcards.dataset}"


use rule evaluate_map as evaluate_errors with:
    output:
        in_report("results/{dataset}/errors.csv", "errors", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_errors.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_errors.tsv"
    params:
        table="errors",
        runs=RUNS,
        settings=evaluation_settings("evaluate_errors"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Classifying the errors on {wildcards.dataset}"


rule evaluate_corloc:
    input:
        tubes=TUBES,
        predictions=SHARDS_OF_RUNS,
        training_tubes=from_evaluated_dataset(
            lambda w, d: tube_shards(
                w.dataset, d.section["linkers"], PLAN.training_shards(w.dataset)
            )
        ),
        training_scores=from_evaluated_dataset(
            lambda w, d: [
                path
                for run in runs_of(d.section)
                for path in PLAN.training_score_shards(w.dataset, **run)
            ]
        ),
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=ANNOTATED,
    output:
        in_report("results/{dataset}_corloc.csv", "corloc", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_corloc.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_corloc.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=scaled(4000, per_video=0.1),
        runtime=scaled(60, per_video=0.1),
    params:
        linkers=from_evaluated_dataset(lambda w, d: d.section["linkers"]),
        runs=RUNS,
        settings=evaluation_settings("evaluate_corloc"),
        seed=SEED,
        code=code_digest("actorsup.evaluation.corloc_stage"),
    message:
        "Computing CorLoc and class accuracy on {wildcards.dataset}"
    script:
        "../workflow_scripts/evaluate_corloc.py"


rule evaluate_intervals:
    input:
        tubes=TUBES,
        predictions=SHARDS_OF_RUNS,
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=ANNOTATED,
    output:
        in_report(
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
        mem_mb=scaled(4000, per_video=0.1),
        runtime=scaled(60, per_video=0.1),
    params:
        linkers=from_evaluated_dataset(lambda w, d: d.section["linkers"]),
        runs=RUNS,
        settings=evaluation_settings("evaluate_intervals"),
        seed=SEED,
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Computing confidence intervals for {wildcards.dataset}"
    script:
        "../workflow_scripts/evaluate_intervals.py"
