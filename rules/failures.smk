# Videos that could not be used, of all stages in one table.


rule collect_failures:
    input:
        frames=from_dataset(lambda w, d: frame_shards(w.dataset, d.shards)),
        detections=from_dataset(
            lambda w, d: [
                f"results/{w.dataset}/detections/{detector}/{shard}.h5"
                for detector in dict.fromkeys(
                    map(NETWORKS.detector_of, d.section["linkers"])
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
        code=code_digest("actorsup.workflow.failures"),
    message:
        "Collecting the failures of {wildcards.dataset}"
    script:
        "../workflow_scripts/collect_failures.py"
