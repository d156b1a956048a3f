# Jobs that go wrong at their first attempt, with the needs of the real rules (rules/common.smk).
configfile: "config.yaml"


include: "rules/common.smk"


def told(wildcards, attempt):
    return attempt


rule faults:
    default_target: True
    input:
        expand(
            "faults/{kind}.txt",
            kind=["failed", "cancelled", "out_of_time", "out_of_memory"],
        ),


rule failed:
    output:
        "faults/failed.txt",
    resources:
        mem_mb=need(500),
        runtime=need(2),
        told=told,
    shell:
        "test {resources.told} -gt 1; "
        "echo {resources.told} {resources.mem_mb} {resources.runtime} > {output}"


rule cancelled:
    output:
        "faults/cancelled.txt",
    resources:
        mem_mb=need(500),
        runtime=need(2),
        told=told,
    shell:
        "if test {resources.told} -eq 1; then scancel $SLURM_JOB_ID; sleep 60; fi; "
        "echo {resources.told} {resources.mem_mb} {resources.runtime} > {output}"


# longer than its first minute, shorter than the two of its second attempt
rule out_of_time:
    output:
        "faults/out_of_time.txt",
    resources:
        mem_mb=need(500),
        runtime=need(1),
        told=told,
    shell:
        "sleep 100; echo {resources.told} {resources.mem_mb} {resources.runtime} > {output}"


# more than its first memory, less than that of its second attempt, Snakemake's own included
rule out_of_memory:
    output:
        "faults/out_of_memory.txt",
    resources:
        mem_mb=need(700),
        runtime=need(2),
        told=told,
    shell:
        "{PYTHON} -c 'import time; held = bytearray(700 << 20); time.sleep(6)'; "
        "echo {resources.told} {resources.mem_mb} {resources.runtime} > {output}"


PYTHON = sys.executable
