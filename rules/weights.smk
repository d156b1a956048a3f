# Weights that are published: fetched once, checked against their digest.


rule fetch_weights:
    output:
        "results/weights/published/{model}.pth",
    log:
        "logs/weights/fetch_{model}.log",
    benchmark:
        "benchmarks/results/weights/fetch_weights/{model}.tsv"
    conda:
        VISION_ENV
    message:
        "Fetching torchvision's weights of {wildcards.model}"
    script:
        "../workflow_scripts/fetch_weights.py"
