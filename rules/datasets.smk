# Ground truth of a data set in the pixels of its videos, for evaluation only (4.1).


rule write_ground_truth:
    input:
        videos="results/{dataset}/videos.csv",
        # the times of frames, where boxes have times
        frames=from_dataset(
            lambda w, d: frame_shards(w.dataset, d.shards) if d.has_timed_boxes else []
        ),
        annotations=user_files(lambda w: PLAN.dataset(w.dataset).annotation_files()),
    output:
        "results/{dataset}/ground_truth.csv",
    log:
        "logs/{dataset}/write_ground_truth.log",
    benchmark:
        "benchmarks/results/{dataset}/write_ground_truth.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=scaled(2000, per_video=0.1),
        runtime=scaled(30, per_video=0.01),
    params:
        dataset=from_dataset(lambda w, d: d.ground_truth_section()),
        annotations=from_dataset(lambda w, d: d.annotations_digest()),
        seed=SEED,
        code=from_dataset(
            lambda w, d: code_digest(
                "actorsup.datasets.ground_truth",
                "actorsup.frames.video_table",
                d.module,
            )
        ),
    message:
        "Writing the ground truth of {wildcards.dataset}, for evaluation only"
    script:
        "../workflow_scripts/write_ground_truth.py"


rule write_annotated_frames:
    input:
        videos="results/{dataset}/videos.csv",
        annotations=user_files(lambda w: PLAN.dataset(w.dataset).annotation_files()),
    output:
        "results/{dataset}/annotated.csv",
    log:
        "logs/{dataset}/write_annotated_frames.log",
    benchmark:
        "benchmarks/results/{dataset}/write_annotated_frames.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=scaled(2000, per_video=0.1),
        runtime=scaled(30, per_video=0.01),
    params:
        dataset=from_dataset(lambda w, d: d.ground_truth_section()),
        annotations=from_dataset(lambda w, d: d.annotations_digest()),
        seed=SEED,
        code=from_dataset(
            lambda w, d: code_digest("actorsup.datasets.ground_truth", d.module)
        ),
    message:
        "Listing the annotated frames of {wildcards.dataset}, for evaluation only"
    script:
        "../workflow_scripts/write_annotated_frames.py"
