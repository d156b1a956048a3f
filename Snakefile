# Actor Supervision: spatiotemporal action localization from video labels.
# Rules are included in the order of the data; settings are in config.yaml (actorsup/config/read.py).
from snakemake.utils import min_version

min_version("9.20")


report: "report/workflow.rst"


include: "rules/common.smk"
include: "rules/demo.smk"
include: "rules/weights.smk"
include: "rules/frames.smk"
include: "rules/datasets.smk"
include: "rules/detection.smk"
include: "rules/linking.smk"
include: "rules/attention.smk"
include: "rules/failures.smk"
include: "rules/evaluation.smk"
include: "rules/paper.smk"
include: "rules/exchange.smk"
include: "rules/report_inputs.smk"
include: "rules/report.smk"
include: "rules/cost.smk"


onstart:
    for line in PLAN.describe_unused():
        print(line, file=sys.stderr)


onsuccess:
    if lines := summary(PLAN.config["datasets"], Path("results"), STARTED):
        print(lines, file=sys.stderr)


rule all:
    input:
        "results/demo_map.csv",
        "results/demo_recall.csv",
        "results/demo/failures.csv",
