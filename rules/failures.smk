# Videos that could not be used, from all stages in one table.


rule collect_failures:
    input:
        frames=from_dataset(lambda w, d: frame_shards(w.dataset, d.shards)),
        detections=from_dataset(
            lambda w, d: detection_shards(w.dataset, d.section["linkers"], d.shards)
        ),
        tubes=from_dataset(
            lambda w, d: tube_shards(w.dataset, d.section["linkers"], d.shards)
        ),
        predictions=from_dataset(
            lambda w, d: shards_of_runs(w.dataset, runs_of(d.section))
        ),
    output:
        in_report("results/{dataset}/failures.csv", "failures", "Videos"),
    log:
        "logs/{dataset}/collect_failures.log",
    benchmark:
        "benchmarks/results/{dataset}/collect_failures.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=scaled(2000),
        runtime=scaled(30, per_video=0.01),
    params:
        missing=from_dataset(
            lambda w, d: [(r.video, str(r.path)) for r in d.listing.missing]
        ),
        unusable=from_dataset(lambda w, d: [[*entry] for entry in d.listing.unusable]),
        unused=untracked(lambda w: PLAN.dataset(w.dataset).describe_unused()),
        code=code_digest("actorsup.workflow.failures"),
    message:
        "Collecting the failures of {wildcards.dataset}"
    script:
        "../workflow_scripts/collect_failures.py"
