# The paper's tables and figures: Tables 1 and 2, Figures 4 and 5, actor linking against Viterbi (4.3, 4.4).
from actorsup.report.paper.items import ITEMS


wildcard_constraints:
    item="|".join(ITEMS),


use rule evaluate_recall as evaluate_linking with:
    input:
        tubes=from_evaluated(
            lambda w, d: [
                path
                for linker in PAPER.linkers
                for path in tube_shards(w.dataset, linker, d.shards_to_score())
            ]
        ),
        ground_truth="results/{dataset}/ground_truth.csv",
        videos="results/{dataset}/videos.csv",
        annotated=from_evaluated(lambda w, d: d.annotated_table()),
    output:
        shown("results/{dataset}/linking_recall.csv", "linking_recall", "Evaluation"),
    log:
        "logs/{dataset}/evaluate_linking.log",
    benchmark:
        "benchmarks/results/{dataset}/evaluate_linking.tsv"
    params:
        linkers=from_evaluated(lambda w, d: PAPER.checked_linkers()),
        settings=evaluated_with("evaluate_linking"),
        code=rules.evaluate_recall.params.code,
    message:
        "Recall of the linkers that the paper compares, on {wildcards.dataset}"


rule write_paper_item:
    input:
        tables=planned(
            lambda w: [table for _, table in PAPER.measured(w.item).values()]
        ),
        # it lies beside the code, wherever results go
        published=local(f"{workflow.basedir}/actorsup/report/paper/published.csv"),
    output:
        csv=shown("results/paper/{item}.csv", "paper_item", "Paper"),
        svg="results/paper/{item}.svg",
        png=shown("results/paper/{item}.png", "paper_item", "Paper"),
    log:
        "logs/paper/write_paper_item/{item}.log",
    benchmark:
        "benchmarks/results/paper/write_paper_item/{item}.tsv"
    conda:
        FIGURES_ENV
    resources:
        mem_mb=need(4000),
        runtime=need(60),
    params:
        measured=planned(lambda w: PAPER.measured(w.item)),
        left_out=planned(lambda w: PAPER.left_out(w.item)),
        limits=planned(lambda w: PAPER.limits if w.item == "linking" else {}),
        evaluation=evaluated_with("write_paper_item"),
        code=code_digest("actorsup.report.paper.stage"),
    message:
        "Writing {wildcards.item} of the paper; left out: {params.left_out}"
    script:
        "../workflow_scripts/write_paper_item.py"


rule paper_tables:
    input:
        expand("results/paper/{item}.{kind}", item=ITEMS, kind=("csv", "svg", "png")),
    output:
        shown("results/paper/left_out.csv", "left_out", "Paper"),
    log:
        "logs/paper/paper_tables.log",
    benchmark:
        "benchmarks/results/paper/paper_tables.tsv"
    conda:
        FIGURES_ENV
    params:
        left_out=planned(lambda w: {item: PAPER.left_out(item) for item in ITEMS}),
        code=code_digest("actorsup.report.paper.stage"),
    message:
        "The paper's tables and figures are in results/paper; left_out.csv says what is not in them"
    script:
        "../workflow_scripts/paper_tables.py"
