# Ground truth, tables, and what is merged or drawn on request (4.1, 4.3, 4.4).


rule write_ground_truth:
    input:
        videos="results/{dataset}/videos.csv",
        annotations=from_dataset(lambda w, d: d.annotation_files()),
    output:
        "results/{dataset}/ground_truth.csv",
    log:
        "logs/{dataset}/write_ground_truth.log",
    benchmark:
        "benchmarks/results/{dataset}/write_ground_truth.tsv"
    conda:
        TABLES_ENV
    params:
        dataset=from_dataset(lambda w, d: d.ground_truth_section()),
        code=code_digest("actorsup.datasets.ground_truth", "actorsup.datasets.registry"),
    message:
        "Writing the ground truth of {wildcards.dataset}, for evaluation alone"
    script:
        "../workflow_scripts/write_ground_truth.py"


rule write_annotated_frames:
    input:
        annotations=from_dataset(lambda w, d: d.annotation_files()),
    output:
        "results/{dataset}/annotated.csv",
    log:
        "logs/{dataset}/write_annotated_frames.log",
    benchmark:
        "benchmarks/results/{dataset}/write_annotated_frames.tsv"
    conda:
        TABLES_ENV
    params:
        dataset=from_dataset(lambda w, d: d.ground_truth_section()),
        code=code_digest("actorsup.datasets.ground_truth", "actorsup.datasets.registry"),
    message:
        "Listing the annotated frames of {wildcards.dataset}, for evaluation alone"
    script:
        "../workflow_scripts/write_annotated_frames.py"


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
    output:
        "results/{dataset}_recall.csv",
    log:
        "logs/{dataset}/evaluate_recall.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_recall.tsv"
    conda:
        TABLES_ENV
    params:
        linkers=from_evaluated(lambda w, d: d.section["linkers"]),
        settings={
            key: value
            for key, value in config["evaluation"].items()
            if key == "iou_thresholds"
        },
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
        failures="results/{dataset}/failures.csv",
    output:
        "results/{dataset}_map.csv",
    log:
        "logs/{dataset}/evaluate_map.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_map.tsv"
    conda:
        TABLES_ENV
    params:
        runs=from_evaluated(lambda w, d: compared(d.section)),
        settings=config["evaluation"],
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
    output:
        "results/{dataset}/ablations/{ablation}.csv",
    log:
        "logs/{dataset}/evaluate_ablation/{ablation}.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_ablation/{ablation}.tsv"
    conda:
        TABLES_ENV
    params:
        runs=planned(lambda w: compared(PLAN.ablation(w.dataset, w.ablation))),
        settings=config["evaluation"],
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
    output:
        "results/{dataset}/map_by_epoch.csv",
    log:
        "logs/{dataset}/evaluate_epochs.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_epochs.tsv"
    conda:
        TABLES_ENV
    params:
        runs=from_evaluated(lambda w, d: by_epoch(d.section)),
        settings=config["evaluation"],
        code=code_digest("actorsup.evaluation.stage"),
    message:
        "Mean average precision of {wildcards.dataset} after each epoch"
    script:
        "../workflow_scripts/evaluate_epochs.py"


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
        "results/{dataset}/failures.csv",
    log:
        "logs/{dataset}/collect_failures.log",
    benchmark:
        "benchmarks/results/{dataset}/collect_failures.tsv"
    conda:
        TABLES_ENV
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
        "results/{dataset}/tubes.png",
    log:
        "logs/{dataset}/draw_tubes.log",
    benchmark:
        "benchmarks/results/{dataset}/draw_tubes.tsv"
    conda:
        VISION_ENV
    params:
        code=code_digest("actorsup.pictures"),
    message:
        "Drawing tubes of {wildcards.dataset}"
    script:
        "../workflow_scripts/draw_tubes.py"
