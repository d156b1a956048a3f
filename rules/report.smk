# The page to look at, and drawn tubes, on request.


rule make_gallery:
    input:
        frames="results/{dataset}/frames/{shard}.h5",
        detections=planned(
            lambda w: f"results/{w.dataset}/detections/{NETWORKS.detector_of(first_run(w.dataset)['linker'])}/{w.shard}.h5"
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
    resources:
        mem_mb=need(4000, each=1),
        runtime=need(60, each=0.1),
    params:
        labels=from_dataset(lambda w, d: d.splits_and_labels(w.shard)),
        settings=page_settings("make_gallery"),
        evaluation=evaluated_with("make_gallery"),
        code=code_digest("actorsup.report.gallery", "actorsup.report.settings"),
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
        intervals=where_evaluable("results/{dataset}/confidence_intervals.csv"),
        ablations=ablations_made,
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
    benchmark:
        "benchmarks/results/{dataset}/write_report.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=need(4000, each=1),
        runtime=need(60, each=0.1),
    params:
        runs=planned(lambda w: [tuple(run.values()) for run in learned_runs(w.dataset)]),
        stages=planned(lambda w: list(shown_shards(w))),
        settings=page_settings("write_report"),
        evaluation=evaluated_with("write_report"),
        weights=from_dataset(lambda w, d: weights_used(d.section)),
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


rule draw_videos:
    input:
        frames=from_dataset(lambda w, d: frame_shards(w.dataset, d.shards_to_score())),
        predictions=planned(
            lambda w: PLAN.prediction_shards(w.dataset, **first_run(w.dataset))
        ),
        ground_truth=from_dataset(lambda w, d: d.ground_truth_table()),
    output:
        shown(
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
        mem_mb=need(4000, each=1),
        runtime=need(60, each=0.1),
    params:
        settings=page_settings("draw_videos"),
        code=code_digest("actorsup.report.drawn_videos", "actorsup.report.settings"),
    message:
        "Drawing tubes into the videos of {wildcards.dataset}"
    script:
        "../workflow_scripts/draw_videos.py"
