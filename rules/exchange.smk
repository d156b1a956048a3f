# Scored tubes for other programs, on request: in one file, and in the forms of other tools.


from actorsup.config.sections import ExportSettings


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
        mem_mb=need(4000, each=0.1),
        runtime=need(60, each=0.1),
    params:
        code=code_digest("actorsup.formats.predictions"),
    message:
        "Merging the predictions of {wildcards.dataset}"
    script:
        "../workflow_scripts/merge_predictions.py"


rule export_tubes:
    input:
        from_dataset(
            lambda w, d: PLAN.prediction_shards(w.dataset, **compared(d.section)[0])
        ),
    output:
        coco="results/{dataset}/exports/coco.json",
        cvat=directory("results/{dataset}/exports/cvat"),
        mot=directory("results/{dataset}/exports/mot"),
    log:
        "logs/{dataset}/export_tubes.log",
    benchmark:
        "benchmarks/results/{dataset}/export_tubes.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=need(4000, each=2),
        runtime=need(60, each=0.1),
    params:
        settings=planned(
            lambda w: PLAN.settings("exports", ExportSettings, "export_tubes")
        ),
        code=code_digest("actorsup.formats.exports"),
    message:
        "Exporting the tubes of {wildcards.dataset} for other tools"
    script:
        "../workflow_scripts/export_tubes.py"
