# Scored tubes for other programs: merged into one file, and in the formats of other tools.
from actorsup.config.sections import ExportSettings


rule merge_predictions:
    input:
        from_plan(lambda w: PLAN.prediction_shards(w.dataset, **first_run(w.dataset))),
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
        mem_mb=scaled(4000, per_video=0.1),
        runtime=scaled(60, per_video=0.1),
    params:
        code=code_digest("actorsup.formats.predictions"),
    message:
        "Merging the predictions of {wildcards.dataset}"
    script:
        "../workflow_scripts/merge_predictions.py"


rule export_tubes:
    input:
        from_plan(lambda w: PLAN.prediction_shards(w.dataset, **first_run(w.dataset))),
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
        mem_mb=scaled(4000, per_video=2),
        runtime=scaled(60, per_video=0.1),
    params:
        settings=from_plan(
            lambda w: PLAN.settings("exports", ExportSettings, "export_tubes")
        ),
        code=code_digest("actorsup.formats.exports"),
    message:
        "Exporting the tubes of {wildcards.dataset} for other tools"
    script:
        "../workflow_scripts/export_tubes.py"
