# Jobs that go wrong at their first attempt, with the needs of the real rules (rules/common.smk).
configfile: "config.yaml"


include: "rules/common.smk"


def attempt_number(wildcards, attempt):
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
        mem_mb=scaled(500),
        runtime=scaled(2),
        number=attempt_number,
    shell:
        "test {resources.number} -gt 1; "
        "echo {resources.number} {resources.mem_mb} {resources.runtime} > {output}"


rule cancelled:
    output:
        "faults/cancelled.txt",
    resources:
        mem_mb=scaled(500),
        runtime=scaled(2),
        number=attempt_number,
    shell:
        "if test {resources.number} -eq 1; then scancel $SLURM_JOB_ID; sleep 60; fi; "
        "echo {resources.number} {resources.mem_mb} {resources.runtime} > {output}"


# longer than its first minute, shorter than the two of its second attempt
rule out_of_time:
    output:
        "faults/out_of_time.txt",
    resources:
        mem_mb=scaled(500),
        runtime=scaled(1),
        number=attempt_number,
    shell:
        "sleep 100; echo {resources.number} {resources.mem_mb} {resources.runtime} > {output}"


# more than its first memory, less than that of its second attempt, Snakemake's own included
rule out_of_memory:
    output:
        "faults/out_of_memory.txt",
    resources:
        mem_mb=scaled(700),
        runtime=scaled(2),
        number=attempt_number,
    shell:
        "{PYTHON} -c 'import time; held = bytearray(700 << 20); time.sleep(6)'; "
        "echo {resources.number} {resources.mem_mb} {resources.runtime} > {output}"


PYTHON = sys.executable
