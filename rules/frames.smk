# Manifest and frames: each video is decoded once.


# `frames.keep: false` deletes frames that no planned job needs
frames = (lambda path: path) if PLAN.config["frames"].get("keep", True) else temp


rule decode_frames:
    input:
        made=from_dataset(lambda w, d: d.made_by_rules()),
    output:
        frames("results/{dataset}/frames/{shard}.h5"),
    log:
        "logs/{dataset}/decode_frames/{shard}.log",
    benchmark:
        "benchmarks/results/{dataset}/decode_frames/{shard}.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=need(3000),
        runtime=need(30, each=1),
    params:
        videos=from_dataset(lambda w, d: d.videos_to_decode(w.shard)),
        settings=planned(lambda w: PLAN.frame_settings),
        # a root that moved decodes nothing again
        root=uncompared(lambda w: str(PLAN.dataset(w.dataset).dataset.root)),
        limits=uncompared(lambda w: PLAN.decoding_limits),
        # the digests of videos that rules make are those of their settings, not of the files
        verify=uncompared(lambda w: not PLAN.dataset(w.dataset).type.made),
        code=code_digest("actorsup.frames.stage"),
    message:
        "Decoding {wildcards.dataset}, shard {wildcards.shard}"
    script:
        "../workflow_scripts/decode_frames.py"


rule write_video_table:
    input:
        frames=from_dataset(lambda w, d: frame_shards(w.dataset, d.shards)),
    output:
        shown("results/{dataset}/videos.csv", "videos", "Videos"),
    log:
        "logs/{dataset}/write_video_table.log",
    benchmark:
        "benchmarks/results/{dataset}/write_video_table.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=need(2000, each=0.1),
        runtime=need(30, each=0.01),
    params:
        videos=from_dataset(lambda w, d: d.table_rows()),
        code=code_digest("actorsup.frames.video_table"),
    message:
        "Writing the table of videos of {wildcards.dataset}"
    script:
        "../workflow_scripts/write_video_table.py"
