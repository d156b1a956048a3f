# The page to look at, and drawn tubes, on request.


def first_run(dataset):
    """The first configured linker, model and seed: what the gallery shows."""
    return compared(PLAN.dataset(dataset).section)[0]


def where_evaluable(path):
    """A table of a data set that has ground truth; none where it has not."""
    return from_dataset(
        lambda w, d: [path.format(dataset=w.dataset)] if d.is_evaluable() else []
    )


def shown_shards(w):
    """One shard of each stage, whose records the page tells."""
    run, shard = first_run(w.dataset), PLAN.dataset(w.dataset).shards_to_score()[0]
    folder, linker = f"results/{w.dataset}", run["linker"]
    return {
        "frames": f"{folder}/frames/{shard}.h5",
        "detections": f"{folder}/detections/{PLAN.detector_of(linker)}/{shard}.h5",
        "tubes": f"{folder}/tubes/{linker}/{shard}.h5",
        "predictions": PLAN.prediction_shards(w.dataset, **run)[0],
    }


def learned_runs(dataset):
    """The runs whose model is trained here, so that it has a curve."""
    return [
        run
        for run in compared(PLAN.dataset(dataset).section)
        if not PLAN.trained_model(run["model"])
    ]


rule make_gallery:
    input:
        frames="results/{dataset}/frames/{shard}.h5",
        detections=planned(
            lambda w: f"results/{w.dataset}/detections/{PLAN.detector_of(first_run(w.dataset)['linker'])}/{w.shard}.h5"
        ),
        tubes=planned(
            lambda w: f"results/{w.dataset}/tubes/{first_run(w.dataset)['linker']}/{w.shard}.h5"
        ),
        predictions=planned(
            lambda w: "results/{dataset}/predictions/{linker}/{model}/seed{seed}/{shard}.h5".format(
                dataset=w.dataset, shard=w.shard, **first_run(w.dataset)
            )
        ),
        ground_truth=from_dataset(lambda w, d: d.ground_truth_table()),
        annotated=from_dataset(lambda w, d: d.annotated_table()),
    output:
        directory("results/{dataset}/report_data/{shard}"),
    log:
        "logs/{dataset}/make_gallery/{shard}.log",
    benchmark:
        "benchmarks/results/{dataset}/make_gallery/{shard}.tsv"
    conda:
        VISION_ENV
    params:
        labels=from_dataset(lambda w, d: d.splits_and_labels(w.shard)),
        max_side=config.get("report", {}).get("max_side", 640),
        evaluation=evaluated_with("error_iou"),
        code=code_digest("actorsup.report.gallery"),
    message:
        "Making the page's videos of {wildcards.dataset}, shard {wildcards.shard}"
    script:
        "../workflow_scripts/make_gallery.py"


rule write_report:
    input:
        videos="results/{dataset}/videos.csv",
        failures="results/{dataset}/failures.csv",
        galleries=from_dataset(
            lambda w, d: [
                f"results/{w.dataset}/report_data/{shard}"
                for shard in d.shards_to_score()
            ]
        ),
        stages=planned(lambda w: list(shown_shards(w).values())),
        map=where_evaluable("results/{dataset}_map.csv"),
        recall=where_evaluable("results/{dataset}_recall.csv"),
        errors=where_evaluable("results/{dataset}/errors.csv"),
        intervals=where_evaluable("results/{dataset}/intervals.csv"),
        curves=planned(
            lambda w: [
                PLAN.model_file(w.dataset, **run).removesuffix(".pt") + ".csv"
                for run in learned_runs(w.dataset)
            ]
        ),
    output:
        page="results/{dataset}/report.html",
        assets=directory("results/{dataset}/report_data/page"),
    log:
        "logs/{dataset}/write_report.log",
    conda:
        VISION_ENV
    params:
        runs=planned(lambda w: [tuple(run.values()) for run in learned_runs(w.dataset)]),
        stages=planned(lambda w: list(shown_shards(w))),
        settings=config.get("report", {}),
        evaluation=evaluated_with("error_iou"),
        published=planned(lambda w: PAPER.name_of(w.dataset)),
        code=code_digest("actorsup.report.stage"),
    message:
        "Writing the page of {wildcards.dataset}"
    script:
        "../workflow_scripts/write_report.py"


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
    conda:
        VISION_ENV
    params:
        code=code_digest("actorsup.report.pictures"),
    message:
        "Drawing tubes of {wildcards.dataset}"
    script:
        "../workflow_scripts/draw_tubes.py"


rule draw_videos:
    input:
        frames=from_dataset(lambda w, d: frame_shards(w.dataset, d.shards_to_score())),
        predictions=planned(
            lambda w: PLAN.prediction_shards(w.dataset, **first_run(w.dataset))
        ),
        ground_truth=from_dataset(lambda w, d: d.ground_truth_table()),
    output:
        directory("results/{dataset}/drawn_videos"),
    log:
        "logs/{dataset}/draw_videos.log",
    benchmark:
        "benchmarks/results/{dataset}/draw_videos.tsv"
    conda:
        VISION_ENV
    params:
        max_side=config.get("report", {}).get("max_side", 640),
        code=code_digest("actorsup.report.drawn_videos"),
    message:
        "Drawing tubes into the videos of {wildcards.dataset}"
    script:
        "../workflow_scripts/draw_videos.py"
