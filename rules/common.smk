# What the rules share: the plan of the run, its errors in one line, its summary at the end.
import math
import os
import re
import sys
import time
from pathlib import Path

from snakemake.exceptions import WorkflowError

sys.path.insert(0, workflow.basedir)
# jobs that run in an environment of their own find the library too
python_path = [workflow.basedir, os.environ.get("PYTHONPATH")]
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, python_path)))

from actorsup.evaluation.settings import EvaluationSettings
from actorsup.report.cost import find_records, records_digest
from actorsup.errors import ActorsupError
from actorsup.workflow.paper import PaperPlan
from actorsup.config.read import NAME, VARIANT
from actorsup.workflow.plan import Plan
from actorsup.artifacts.provenance import code_digest
from actorsup.workflow.summary import summary

try:
    PLAN = Plan(config)
except ActorsupError as error:
    raise WorkflowError(str(error))

NETWORKS = PLAN.networks
STARTED = time.time()
# None is no resource at all: a job without a GPU is not to say that it wants 0 of them
GPU = 1 if PLAN.uses_gpu else None
TRAINING_GPUS = PLAN.processes if PLAN.uses_gpu else None
# jobs that run here share this machine's GPU, one at a time; a cluster shares out its own
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


def planned(question):
    """An input or params function of the wildcards, its errors told in one line."""

    def answer(wildcards):
        try:
            return question(wildcards)
        except ActorsupError as error:
            raise WorkflowError(str(error))

    return answer


def from_dataset(question):
    """The same, of the wildcards and their data set."""
    return planned(lambda w: question(w, PLAN.dataset(w.dataset)))


def from_evaluated(question):
    """The same, of a data set that is to be evaluated."""
    return planned(lambda w: question(w, PLAN.evaluated_dataset(w.dataset)))


def given(question):
    """Inputs that may be the user's own files: those stay here where results go to object storage."""

    def here(path):
        return path if path.startswith("results/") else local(path)

    def sorted_out(wildcards):
        files = planned(question)(wildcards)
        if isinstance(files, dict):
            return {key: here(path) for key, path in files.items()}
        return here(files) if isinstance(files, str) else [here(path) for path in files]

    return sorted_out


def uncompared(question):
    """A parameter whose change re-runs nothing: Snakemake does not compare one that depends on resources."""
    answer = planned(question)
    return lambda wildcards, resources: answer(wildcards)


SEED = planned(lambda w: PLAN.config["seed"])
DEVICE = uncompared(lambda w: PLAN.config["device"])


def need(base, each=0):
    """A resource that grows with the videos of a job, and doubles with each attempt.

    What it starts from is a guess on the safe side; a profile sets another for a rule.
    """

    videos = from_dataset(lambda w, d: d.count(w.get("shard")))

    def amount(wildcards, attempt):
        work = base + each * videos(wildcards) if each else base
        return math.ceil(work * 2 ** (attempt - 1))

    return amount


def frame_shards(dataset, shards):
    return [f"results/{dataset}/frames/{shard}.h5" for shard in shards]


def tube_shards(dataset, linker, shards):
    return [f"results/{dataset}/tubes/{linker}/{shard}.h5" for shard in shards]


def compared(section):
    """Every linker, model and seed of a data set, in the order of its section."""
    return [
        {"linker": linker, "model": model, "seed": seed}
        for linker in section["linkers"]
        for model in section["models"]
        for seed in section["seeds"]
    ]


def shards_of(dataset, runs):
    """The shards of scored tubes of some runs, one run after another."""
    return [path for run in runs for path in PLAN.prediction_shards(dataset, **run)]


def evaluated_with(stage):
    """Settings of the evaluation that a stage declares (actorsup/evaluation/settings.py)."""
    return planned(lambda w: PLAN.settings("evaluation", EvaluationSettings, stage))


def weights_used(section):
    """The weights of a data set's linkers and of their detectors."""
    found = [NETWORKS.linker_weights(linker) for linker in section["linkers"]]
    found += [
        NETWORKS.detector_weights(NETWORKS.detector_of(linker))
        for linker in section["linkers"]
    ]
    return sorted({path for paths in found for path in paths})


def by_epoch(section):
    """The same as ``compared``, after each epoch."""
    return [
        {**run, "epoch": epoch}
        for run in compared(section)
        for epoch in PLAN.epochs_of(run["model"])
    ]


PAPER = PaperPlan(PLAN)


def shown(path, caption, category, **how):
    """An output that `snakemake --report` shows, with a caption of report/."""
    labels = {name: f"{{{name}}}" for name in re.findall(r"{(\w+)}", path)}
    labels["what"] = caption.replace("_", " ")
    file = f"../report/{caption}.rst"
    return report(path, caption=file, category=category, labels=labels, **how)


# `training.protect: true` write-protects trained networks
protected_if_wanted = (
    protected if PLAN.config.get("training", {}).get("protect") else lambda path: path
)
