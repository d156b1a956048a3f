# Published weights, downloaded once and verified by checksum.


rule fetch_weights:
    output:
        "results/weights/published/{model}.pth",
    log:
        "logs/weights/fetch_{model}.log",
    # can be shared between workflows (docs/scale.md); Snakemake allows no benchmark here
    cache: True
    conda:
        VISION_ENV
    resources:
        mem_mb=scaled(1000),
        runtime=scaled(60),
    params:
        # part of the cache key, which does not include wildcards
        model="{model}",
    message:
        "Downloading torchvision's weights of {wildcards.model}"
    script:
        "../workflow_scripts/fetch_weights.py"
