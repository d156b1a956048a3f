# The paper's tables and figures: Tables 1 and 2, Figures 4 and 5, actor linking compared with Viterbi (4.3, 4.4).
from actorsup.report.paper.items import ITEMS


wildcard_constraints:
    item="|".join(ITEMS),


use rule evaluate_recall as evaluate_linking with:
    input:
        tubes=from_evaluated_dataset(
            lambda w, d: tube_shards(w.dataset, PAPER.linkers, d.shards_to_score())
        ),
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=from_evaluated_dataset(lambda w, d: d.annotated_table()),
    output:
        in_report(
            "results/{dataset}/linking_recall.csv", "linking_recall", "Evaluation"
        ),
    log:
        "logs/{dataset}/evaluate_linking.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_linking.tsv"
    params:
        linkers=from_evaluated_dataset(lambda w, d: PAPER.checked_linkers()),
        settings=evaluation_settings("evaluate_linking"),
        code=rules.evaluate_recall.params.code,
    message:
        "Computing the recall of the paper's linkers on {wildcards.dataset}"


rule write_paper_item:
    input:
        tables=from_plan(
            lambda w: [table for _, table in PAPER.measured(w.item).values()]
        ),
        # part of the code, and therefore local even if results are in object storage
        published=local(f"{CHECKOUT}/actorsup/report/paper/published.csv"),
    output:
        csv=in_report("results/paper/{item}.csv", "paper_item", "Paper"),
        svg="results/paper/{item}.svg",
        png=in_report("results/paper/{item}.png", "paper_item", "Paper"),
    log:
        "logs/paper/write_paper_item/{item}.log",
    benchmark:
        "benchmarks/results/paper/write_paper_item/{item}.tsv"
    conda:
        FIGURES_ENV
    resources:
        mem_mb=scaled(4000),
        runtime=scaled(60),
    params:
        measured=from_plan(lambda w: PAPER.measured(w.item)),
        left_out=from_plan(lambda w: PAPER.left_out(w.item)),
        limits=from_plan(lambda w: PAPER.limits if w.item == "linking" else {}),
        evaluation=evaluation_settings("write_paper_item"),
        code=code_digest("actorsup.report.paper.stage"),
    message:
        "Writing the paper's {wildcards.item}; left out: {params.left_out}"
    script:
        "../workflow_scripts/write_paper_item.py"


rule paper_tables:
    input:
        expand("results/paper/{item}.{kind}", item=ITEMS, kind=("csv", "svg", "png")),
    output:
        in_report("results/paper/left_out.csv", "left_out", "Paper"),
    log:
        "logs/paper/paper_tables.log",
    benchmark:
        "benchmarks/results/paper/paper_tables.tsv"
    conda:
        FIGURES_ENV
    params:
        left_out=from_plan(lambda w: {item: PAPER.left_out(item) for item in ITEMS}),
        code=code_digest("actorsup.report.paper.stage"),
    message:
        "Listing the data sets missing from results/paper in left_out.csv"
    script:
        "../workflow_scripts/paper_tables.py"
