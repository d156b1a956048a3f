# Tables, and what is merged or drawn on request (4.1, 4.3, 4.4).


OF_BOXES = ("like", "strict", "box_area", "duration")
OF_MATCHES = (*OF_BOXES, "matching", "nms_iou")
OF_PRECISION = (*OF_MATCHES, "interpolation", "iou_thresholds")

if config["evaluation"].get("like"):
    from actorsup.evaluation.settings import EvaluationSettings

    try:
        EvaluationSettings(**config["evaluation"])
    except ActorsupError as error:
        raise WorkflowError(str(error))


# boxes are compared in frames that are annotated alone
ANNOTATED = from_evaluated(lambda w, d: d.annotated_table())


rule evaluate_recall:
    input:
        tubes=from_evaluated(
            lambda w, d: [
                path
                for linker in d.section["linkers"]
                for path in tube_shards(w.dataset, linker, d.shards_to_score())
            ]
        ),
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
        mem_mb=need(4000, each=2),
        runtime=need(60, each=0.1),
    params:
        linkers=from_evaluated(lambda w, d: d.section["linkers"]),
        settings=evaluated_with(*OF_BOXES, "iou_thresholds"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Recall of the proposals of {wildcards.dataset}"
    script:
        "../workflow_scripts/evaluate_recall.py"


rule evaluate_map:
    input:
        predictions=from_evaluated(
            lambda w, d: shards_of(w.dataset, compared(d.section))
        ),
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
        mem_mb=need(4000, each=2),
        runtime=need(60, each=0.1),
    params:
        runs=from_evaluated(lambda w, d: compared(d.section)),
        settings=evaluated_with(*OF_PRECISION),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Mean average precision of {wildcards.dataset}"
    script:
        "../workflow_scripts/evaluate_map.py"


rule evaluate_ablation:
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
    conda:
        TABLES_ENV
    resources:
        mem_mb=need(4000, each=2),
        runtime=need(60, each=0.1),
    params:
        runs=planned(lambda w: compared(PLAN.ablation(w.dataset, w.ablation))),
        settings=evaluated_with(*OF_PRECISION),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Comparing what ablations.{wildcards.ablation} names on {wildcards.dataset}"
    script:
        "../workflow_scripts/evaluate_ablation.py"


rule evaluate_epochs:
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
    conda:
        TABLES_ENV
    resources:
        mem_mb=need(4000, each=2),
        runtime=need(60, each=0.1),
    params:
        runs=from_evaluated(lambda w, d: by_epoch(d.section)),
        settings=evaluated_with(*OF_PRECISION),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Mean average precision of {wildcards.dataset} after each epoch"
    script:
        "../workflow_scripts/evaluate_epochs.py"


rule evaluate_errors:
    input:
        predictions=from_evaluated(
            lambda w, d: shards_of(w.dataset, compared(d.section))
        ),
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=ANNOTATED,
    output:
        shown("results/{dataset}/errors.csv", "errors", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_errors.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_errors.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=need(4000, each=2),
        runtime=need(60, each=0.1),
    params:
        runs=from_evaluated(lambda w, d: compared(d.section)),
        settings=evaluated_with(*OF_MATCHES, "error_iou"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "What kinds of errors there are on {wildcards.dataset}"
    script:
        "../workflow_scripts/evaluate_errors.py"


rule evaluate_intervals:
    input:
        tubes=from_evaluated(
            lambda w, d: [
                path
                for linker in d.section["linkers"]
                for path in tube_shards(w.dataset, linker, d.shards_to_score())
            ]
        ),
        predictions=from_evaluated(
            lambda w, d: shards_of(w.dataset, compared(d.section))
        ),
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=ANNOTATED,
    output:
        shown("results/{dataset}/intervals.csv", "intervals", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_intervals.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_intervals.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=need(4000, each=2),
        runtime=need(60, each=0.1),
    params:
        linkers=from_evaluated(lambda w, d: d.section["linkers"]),
        runs=from_evaluated(lambda w, d: compared(d.section)),
        settings=evaluated_with(*OF_PRECISION, "resamples"),
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Confidence intervals of the tables of {wildcards.dataset}"
    script:
        "../workflow_scripts/evaluate_intervals.py"


rule collect_failures:
    input:
        frames=from_dataset(lambda w, d: frame_shards(w.dataset, d.shards)),
        detections=from_dataset(
            lambda w, d: [
                f"results/{w.dataset}/detections/{detector}/{shard}.h5"
                for detector in dict.fromkeys(
                    map(PLAN.detector_of, d.section["linkers"])
                )
                for shard in d.shards
            ]
        ),
        tubes=from_dataset(
            lambda w, d: [
                path
                for linker in d.section["linkers"]
                for path in tube_shards(w.dataset, linker, d.shards)
            ]
        ),
        predictions=from_dataset(lambda w, d: shards_of(w.dataset, compared(d.section))),
    output:
        shown("results/{dataset}/failures.csv", "failures", "Videos"),
    log:
        "logs/{dataset}/collect_failures.log",
    benchmark:
        "benchmarks/results/{dataset}/collect_failures.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=need(2000),
        runtime=need(30, each=0.01),
    params:
        missing=from_dataset(
            lambda w, d: [(r.video, str(r.path)) for r in d.listing.missing]
        ),
        code=code_digest("actorsup.failures"),
    message:
        "Collecting the failures of {wildcards.dataset}"
    script:
        "../workflow_scripts/collect_failures.py"


rule merge_predictions:
    input:
        from_dataset(
            lambda w, d: PLAN.prediction_shards(w.dataset, **compared(d.section)[0])
        ),
    output:
        h5="results/{dataset}/predictions.h5",
        json="results/{dataset}/predictions.json",
    log:
        "logs/{dataset}/merge_predictions.log",
    benchmark:
        "benchmarks/results/{dataset}/merge_predictions.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=need(4000, each=2),
        runtime=need(60, each=0.1),
    params:
        code=code_digest("actorsup.evaluation.merge"),
    message:
        "Merging the predictions of {wildcards.dataset}"
    script:
        "../workflow_scripts/merge_predictions.py"


rule draw_tubes:
    input:
        frames=from_dataset(lambda w, d: frame_shards(w.dataset, d.shards_to_score())),
        predictions=from_dataset(
            lambda w, d: PLAN.prediction_shards(w.dataset, **compared(d.section)[0])
        ),
        ground_truth=from_dataset(lambda w, d: d.ground_truth_table()),
    output:
        shown("results/{dataset}/tubes.png", "tubes", "Pictures"),
    log:
        "logs/{dataset}/draw_tubes.log",
    benchmark:
        "benchmarks/results/{dataset}/draw_tubes.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=need(4000),
        runtime=need(30),
    params:
        code=code_digest("actorsup.report.pictures"),
    message:
        "Drawing tubes of {wildcards.dataset}"
    script:
        "../workflow_scripts/draw_tubes.py"
