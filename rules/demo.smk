# Generated data of the demo: videos, images that train the detector, sequences that train the tracker.


rule make_demo_videos:
    output:
        videos=directory("results/{dataset}/source/videos"),
        table="results/{dataset}/source/videos.csv",
        ground_truth="results/{dataset}/source/ground_truth.csv",
    log:
        "logs/{dataset}/make_demo_videos.log",
    benchmark:
        "benchmarks/results/{dataset}/make_demo_videos.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=scaled(2000),
        runtime=scaled(60),
    params:
        settings=from_dataset(lambda w, d: d.demo_settings("make_demo_videos")),
        code=code_digest("actorsup.demo.videos"),
    message:
        "Making the videos of {wildcards.dataset}"
    script:
        "../workflow_scripts/make_demo_videos.py"


rule make_demo_images:
    output:
        images=directory("results/{dataset}/source/images_for_detector/images"),
        annotations="results/{dataset}/source/images_for_detector/annotations.json",
    log:
        "logs/{dataset}/make_demo_images.log",
    benchmark:
        "benchmarks/results/{dataset}/make_demo_images.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=scaled(2000),
        runtime=scaled(60),
    params:
        settings=from_dataset(lambda w, d: d.demo_settings("make_demo_images")),
        code=code_digest("actorsup.demo.images"),
    message:
        "Making the images for the detector of {wildcards.dataset}"
    script:
        "../workflow_scripts/make_demo_images.py"


rule make_demo_sequences:
    output:
        folder=directory("results/{dataset}/source/sequences"),
        held_out=directory("results/{dataset}/source/held_out"),
    log:
        "logs/{dataset}/make_demo_sequences.log",
    benchmark:
        "benchmarks/results/{dataset}/make_demo_sequences.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=scaled(2000),
        runtime=scaled(60),
    params:
        settings=from_dataset(lambda w, d: d.demo_settings("make_demo_sequences")),
        code=code_digest("actorsup.demo.sequences"),
    message:
        "Making the sequences for the tracker of {wildcards.dataset}"
    script:
        "../workflow_scripts/make_demo_sequences.py"
