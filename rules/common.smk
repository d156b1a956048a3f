# The plan of the run, and helpers of the rules.
import math
import os
import re
import sys
import time
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

# the folder of this Snakefile, whatever the working folder is and whichever workflow uses it as a module
CHECKOUT = Path(str(workflow.current_basedir)).parent
sys.path.insert(0, str(CHECKOUT))
# jobs that run in their own conda environment also import the library from here
python_path = [str(CHECKOUT), os.environ.get("PYTHONPATH")]
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, python_path)))

from actorsup.errors import describe
from actorsup.artifacts.provenance import code_digest
from actorsup.config.read import (
    NAME,
    VARIANT,
    describe_sources,
    own_files,
    read_layers,
)
from actorsup.evaluation.settings import EvaluationSettings
from actorsup.workflow.paper import PaperPlan
from actorsup.workflow.plan import Plan
from actorsup.workflow.summary import summary

STARTED = time.time()


def in_one_line(function, *arguments):
    """Show an error that the user can fix as one line instead of a traceback."""
    try:
        return function(*arguments)
    except Exception as error:
        if not (line := describe(error)):
            raise
        raise WorkflowError(line)


# `config` has the settings of the command line, or those that the user's workflow passes to this module
AS_MODULE = not workflow.modifier.is_main_snakefile()
path_modifier = workflow.modifier.path_modifier
if path_modifier.prefix or path_modifier.modifies_prefixes:
    raise WorkflowError(
        "module: prefix: and replace_prefix: are not supported, because the plan itself reads files in "
        "results/; remove them, or give this workflow a working folder of its own (--directory)"
    )
BELOW = [] if workflow.config_settings.replace_workflow_config else own_files(AS_MODULE)
PLAN = in_one_line(lambda: Plan(read_layers(BELOW, config)))
if workflow.is_main_process and AS_MODULE:
    logger.info(describe_sources(BELOW, "the workflow that uses this one as a module"))
elif workflow.is_main_process:
    values = "--config" if workflow.config_settings.config else ""
    logger.info(describe_sources([*BELOW, *workflow.configfiles], values))
# shown in Snakemake's report, and deployed with jobs that run without a shared file system
workflow.configfiles[:0] = [str(path) for path in BELOW]

NETWORKS = PLAN.networks
PAPER = PaperPlan(PLAN)

# None omits the resource instead of requesting 0 GPUs
GPU = 1 if PLAN.uses_gpu else None
TRAINING_GPUS = PLAN.processes if PLAN.uses_gpu else None
# local jobs use this machine's GPU one at a time; a cluster assigns its own GPUs
if workflow.nodes is None and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", 1)

VISION_ENV = "../envs/vision.yaml"
TABLES_ENV = "../envs/tables.yaml"
FIGURES_ENV = "../envs/figures.yaml"


wildcard_constraints:
    dataset=NAME,
    detector=NAME,
    linker=VARIANT,
    model=VARIANT,
    ablation=NAME,
    seed="[0-9]+",
    epoch="[0-9]+",
    shard="[0-9]{4}",


# Wrappers of the functions that compute inputs and params


def from_plan(function):
    """Show errors of ``function(wildcards)`` as one line instead of a traceback."""
    return lambda wildcards: in_one_line(function, wildcards)


def from_dataset(function):
    """Call ``function(wildcards, dataset)`` with the planned data set of the wildcards."""
    return from_plan(lambda w: function(w, PLAN.dataset(w.dataset)))


def from_evaluated_dataset(function):
    """Same as ``from_dataset``, after a check that the data set can be evaluated."""
    return from_plan(lambda w: function(w, PLAN.evaluated_dataset(w.dataset)))


def user_files(function):
    """Inputs that may be the user's files, which are local even if results are in object storage."""

    def located(path):
        return path if path.startswith("results/") else local(path)

    def wrapped(wildcards):
        files = from_plan(function)(wildcards)
        if isinstance(files, dict):
            return {key: located(path) for key, path in files.items()}
        if isinstance(files, str):
            return located(files)
        return [located(path) for path in files]

    return wrapped


def untracked(function):
    """A parameter whose change re-runs nothing: Snakemake does not compare params that depend on resources."""
    wrapped = from_plan(function)
    return lambda wildcards, resources: wrapped(wildcards)


SEED = from_plan(lambda w: PLAN.config["seed"])
DEVICE = untracked(lambda w: PLAN.config["device"])


def evaluation_settings(stage):
    """Settings of the evaluation that the stage declares (actorsup/evaluation/settings.py)."""
    return from_plan(lambda w: PLAN.settings("evaluation", EvaluationSettings, stage))


# Resources and outputs


def scaled(base, per_video=0):
    """A resource that grows with the number of videos of a job and doubles with each attempt.

    The values in the rules are generous guesses; a profile can override them for a rule.
    """
    count = from_dataset(lambda w, d: d.count(w.get("shard")))

    def amount(wildcards, attempt):
        videos = count(wildcards) if per_video else 0
        return math.ceil((base + per_video * videos) * 2 ** (attempt - 1))

    return amount


def temp_unless_kept(path):
    """Delete a shard of frames when no planned job needs it, if `frames.keep` is false."""
    return path if PLAN.config["frames"].get("keep", True) else temp(path)


def protected_if_configured(path):
    """Write-protect a trained network if `training.protect` is true."""
    protect = PLAN.config.get("training", {}).get("protect")
    return protected(path) if protect else path


def in_report(path, caption, category, **options):
    """An output that `snakemake --report` shows, with a caption from report/."""
    labels = {name: f"{{{name}}}" for name in re.findall(r"{(\w+)}", path)}
    labels["what"] = caption.replace("_", " ")
    return report(
        path,
        caption=f"../report/{caption}.rst",
        category=category,
        labels=labels,
        **options,
    )


# Files and runs of a data set


def frame_shards(dataset, shards):
    return [f"results/{dataset}/frames/{shard}.h5" for shard in shards]


def detection_shards(dataset, linkers, shards):
    """Shards of the detections that the linkers link, without duplicates."""
    return [
        f"results/{dataset}/detections/{detector}/{shard}.h5"
        for detector in dict.fromkeys(map(NETWORKS.detector_of, linkers))
        for shard in shards
    ]


def tube_shards(dataset, linkers, shards):
    return [
        f"results/{dataset}/tubes/{linker}/{shard}.h5"
        for linker in linkers
        for shard in shards
    ]


def runs_of(section):
    """Every linker, model and seed of a data set or an ablation, in the order of its section."""
    return [
        {"linker": linker, "model": model, "seed": seed}
        for linker in section["linkers"]
        for model in section["models"]
        for seed in section["seeds"]
    ]


def epoch_runs(section):
    """Every linker, model, seed and epoch of a data set, in the order of its section."""
    return [
        {**run, "epoch": epoch}
        for run in runs_of(section)
        for epoch in PLAN.epochs_of(run["model"])
    ]


def first_run(dataset):
    """The first configured linker, model and seed, whose tubes are drawn and exported."""
    return runs_of(PLAN.dataset(dataset).section)[0]


def shards_of_runs(dataset, runs):
    """Shards of scored tubes, run after run."""
    return [path for run in runs for path in PLAN.prediction_shards(dataset, **run)]


def weights_of(section):
    """Weights of a data set's linkers and of their detectors."""
    paths = set()
    for linker in section["linkers"]:
        paths.update(NETWORKS.linker_weights(linker))
        paths.update(NETWORKS.detector_weights(NETWORKS.detector_of(linker)))
    return sorted(paths)
