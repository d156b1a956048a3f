# Computation time and memory of a data set's jobs, from the existing benchmark records.
from actorsup.report.cost import find_records, records_digest


rule sum_cost:
    output:
        in_report("results/{dataset}/cost.csv", "cost", "Cost"),
    log:
        "logs/{dataset}/sum_cost.log",
    conda:
        TABLES_ENV
    params:
        videos=from_dataset(lambda w, d: len(d.listing.records)),
        weights=from_dataset(lambda w, d: weights_of(d.section)),
        # a digest instead of inputs, because Snakemake would create missing inputs
        records=from_dataset(
            lambda w, d: records_digest(find_records(w.dataset, weights_of(d.section)))
        ),
        code=code_digest("actorsup.report.cost"),
    message:
        "Summing the cost of {wildcards.dataset}"
    script:
        "../workflow_scripts/sum_cost.py"
