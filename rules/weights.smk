# Weights that are published: fetched once, checked against their digest.


rule fetch_weights:
    output:
        "results/weights/published/{model}.pth",
    log:
        "logs/weights/fetch_{model}.log",
    # shared by workflows where a user says so (docs/scale.md); such a rule has no benchmark
    cache: True
    conda:
        VISION_ENV
    resources:
        mem_mb=need(1000),
        runtime=need(60),
    params:
        # what a cache tells weights apart by: it knows no wildcards
        model="{model}",
    message:
        "Fetching torchvision's weights of {wildcards.model}"
    script:
        "../workflow_scripts/fetch_weights.py"
