# The report page, and tubes drawn into pictures and videos.


rule make_gallery:
    input:
        frames="results/{dataset}/frames/{shard}.h5",
        detections=from_plan(
            lambda w: detection_shards(
                w.dataset, [first_run(w.dataset)["linker"]], [w.shard]
            )[0]
        ),
        tubes=from_plan(
            lambda w: tube_shards(
                w.dataset, [first_run(w.dataset)["linker"]], [w.shard]
            )[0]
        ),
        predictions=from_plan(
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
    resources:
        mem_mb=scaled(4000, per_video=1),
        runtime=scaled(60, per_video=0.1),
    params:
        labels=from_dataset(lambda w, d: d.splits_and_labels(w.shard)),
        settings=report_settings("make_gallery"),
        evaluation=evaluation_settings("make_gallery"),
        code=code_digest("actorsup.report.gallery", "actorsup.report.settings"),
    message:
        "Making the videos of the page of {wildcards.dataset}, shard {wildcards.shard}"
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
        stages=from_plan(lambda w: list(example_shards(w.dataset).values())),
        map=table_if_evaluable("results/{dataset}_map.csv"),
        recall=table_if_evaluable("results/{dataset}_recall.csv"),
        corloc=table_if_evaluable("results/{dataset}_corloc.csv"),
        errors=table_if_evaluable("results/{dataset}/errors.csv"),
        intervals=table_if_evaluable("results/{dataset}/confidence_intervals.csv"),
        ablations=existing_ablations,
        curves=from_plan(
            lambda w: [
                PLAN.model_file(w.dataset, **run).removesuffix(".pt") + ".csv"
                for run in trained_runs(w.dataset)
            ]
        ),
    output:
        page="results/{dataset}/report.html",
        assets=directory("results/{dataset}/report_data/page"),
    log:
        "logs/{dataset}/write_report.log",
    benchmark:
        "benchmarks/results/{dataset}/write_report.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=scaled(4000, per_video=1),
        runtime=scaled(60, per_video=0.1),
    params:
        runs=from_plan(
            lambda w: [tuple(run.values()) for run in trained_runs(w.dataset)]
        ),
        stages=from_plan(lambda w: list(example_shards(w.dataset))),
        settings=report_settings("write_report"),
        evaluation=evaluation_settings("write_report"),
        weights=from_dataset(lambda w, d: weights_of(d.section)),
        published=from_plan(lambda w: PAPER.name_of(w.dataset)),
        code=code_digest("actorsup.report.stage"),
    message:
        "Writing the report page of {wildcards.dataset}"
    script:
        "../workflow_scripts/write_report.py"


rule draw_tubes:
    input:
        frames=from_dataset(lambda w, d: frame_shards(w.dataset, d.shards_to_score())),
        predictions=from_plan(
            lambda w: PLAN.prediction_shards(w.dataset, **first_run(w.dataset))
        ),
        ground_truth=from_dataset(lambda w, d: d.ground_truth_table()),
    output:
        in_report("results/{dataset}/tubes.png", "tubes", "Pictures"),
    log:
        "logs/{dataset}/draw_tubes.log",
    benchmark:
        "benchmarks/results/{dataset}/draw_tubes.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=scaled(4000),
        runtime=scaled(30),
    params:
        code=code_digest("actorsup.report.pictures"),
    message:
        "Drawing the tubes of {wildcards.dataset}"
    script:
        "../workflow_scripts/draw_tubes.py"


rule draw_videos:
    input:
        frames=from_dataset(lambda w, d: frame_shards(w.dataset, d.shards_to_score())),
        predictions=from_plan(
            lambda w: PLAN.prediction_shards(w.dataset, **first_run(w.dataset))
        ),
        ground_truth=from_dataset(lambda w, d: d.ground_truth_table()),
    output:
        in_report(
            directory("results/{dataset}/drawn_videos"),
            "drawn_videos",
            "Pictures",
            patterns=["{video}.webm"],
        ),
    log:
        "logs/{dataset}/draw_videos.log",
    benchmark:
        "benchmarks/results/{dataset}/draw_videos.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=scaled(4000, per_video=1),
        runtime=scaled(60, per_video=0.1),
    params:
        settings=report_settings("draw_videos"),
        code=code_digest("actorsup.report.drawn_videos", "actorsup.report.settings"),
    message:
        "Drawing the tubes into the videos of {wildcards.dataset}"
    script:
        "../workflow_scripts/draw_videos.py"
