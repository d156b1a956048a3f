# Weights that are published: fetched once, checked against their digest.


rule fetch_weights:
    output:
        "results/weights/published/{model}.pth",
    log:
        "logs/weights/fetch_{model}.log",
    conda:
        VISION_ENV
    resources:
        mem_mb=need(1000),
        runtime=need(60),
    message:
        "Fetching torchvision's weights of {wildcards.model}"
    script:
        "../workflow_scripts/fetch_weights.py"
