# Ground truth of a data set, in the pixels of its videos; for evaluation alone (4.1).


rule write_ground_truth:
    input:
        videos="results/{dataset}/videos.csv",
        annotations=given(lambda w: PLAN.dataset(w.dataset).annotation_files()),
    output:
        "results/{dataset}/ground_truth.csv",
    log:
        "logs/{dataset}/write_ground_truth.log",
    benchmark:
        "benchmarks/results/{dataset}/write_ground_truth.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=need(2000, each=0.1),
        runtime=need(30, each=0.01),
    params:
        dataset=from_dataset(lambda w, d: d.ground_truth_section()),
        annotations=from_dataset(lambda w, d: d.annotations_digest()),
        seed=SEED,
        code=from_dataset(
            lambda w, d: code_digest("actorsup.datasets.ground_truth", d.module)
        ),
    message:
        "Writing the ground truth of {wildcards.dataset}, for evaluation alone"
    script:
        "../workflow_scripts/write_ground_truth.py"


rule write_annotated_frames:
    input:
        annotations=given(lambda w: PLAN.dataset(w.dataset).annotation_files()),
    output:
        "results/{dataset}/annotated.csv",
    log:
        "logs/{dataset}/write_annotated_frames.log",
    benchmark:
        "benchmarks/results/{dataset}/write_annotated_frames.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=need(2000, each=0.1),
        runtime=need(30, each=0.01),
    params:
        dataset=from_dataset(lambda w, d: d.ground_truth_section()),
        annotations=from_dataset(lambda w, d: d.annotations_digest()),
        seed=SEED,
        code=from_dataset(
            lambda w, d: code_digest("actorsup.datasets.ground_truth", d.module)
        ),
    message:
        "Listing the annotated frames of {wildcards.dataset}, for evaluation alone"
    script:
        "../workflow_scripts/write_annotated_frames.py"
