# Frame store and table of videos; each video is decoded once.


rule decode_frames:
    input:
        generated=from_dataset(lambda w, d: d.generated_inputs()),
    output:
        temp_unless_kept("results/{dataset}/frames/{shard}.h5"),
    log:
        "logs/{dataset}/decode_frames/{shard}.log",
    benchmark:
        "benchmarks/results/{dataset}/decode_frames/{shard}.tsv"
    conda:
        VISION_ENV
    resources:
        mem_mb=scaled(3000),
        runtime=scaled(30, per_video=1),
    params:
        videos=from_dataset(lambda w, d: d.videos_to_decode(w.shard)),
        naming=from_dataset(lambda w, d: d.frame_naming),
        settings=from_plan(lambda w: PLAN.frame_settings),
        # moving the videos to another folder decodes nothing again
        root=untracked(lambda w: str(PLAN.dataset(w.dataset).dataset.root)),
        limits=untracked(lambda w: PLAN.decoding_limits),
        # the digest of a generated video is that of its settings, not of its file
        verify=untracked(lambda w: not PLAN.dataset(w.dataset).type.is_generated),
        code=code_digest("actorsup.frames.stage"),
    message:
        "Decoding the videos of {wildcards.dataset}, shard {wildcards.shard}"
    script:
        "../workflow_scripts/decode_frames.py"


rule write_video_table:
    input:
        frames=from_dataset(lambda w, d: frame_shards(w.dataset, d.shards)),
    output:
        in_report("results/{dataset}/videos.csv", "videos", "Videos"),
    log:
        "logs/{dataset}/write_video_table.log",
    benchmark:
        "benchmarks/results/{dataset}/write_video_table.tsv"
    conda:
        TABLES_ENV
    resources:
        mem_mb=scaled(2000, per_video=0.1),
        runtime=scaled(30, per_video=0.01),
    params:
        videos=from_dataset(lambda w, d: d.table_rows()),
        code=code_digest("actorsup.frames.video_table"),
    message:
        "Writing the table of videos of {wildcards.dataset}"
    script:
        "../workflow_scripts/write_video_table.py"
