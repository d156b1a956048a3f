# What a data set has cost: on request, from the benchmark records that are there.


rule sum_cost:
    output:
        shown("results/{dataset}/cost.csv", "cost", "Cost"),
    log:
        "logs/{dataset}/sum_cost.log",
    conda:
        TABLES_ENV
    params:
        videos=from_dataset(lambda w, d: len(d.listing.records)),
        weights=from_dataset(lambda w, d: weights_used(d.section)),
        # another run leaves other records; they are no inputs, which would have to be made
        records=from_dataset(
            lambda w, d: records_digest(
                find_records(w.dataset, weights_used(d.section))
            )
        ),
        code=code_digest("actorsup.report.cost"),
    message:
        "Summing what {wildcards.dataset} has cost"
    script:
        "../workflow_scripts/sum_cost.py"
