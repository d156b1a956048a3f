"""A real Slurm on this machine: the same tables as a local run's, and jobs that go wrong."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import torch
from slurm import Slurm, free_ports, processes_of, slurm
from test_workflow import own_changes, own_videos
from workflow_runs import configure, copy_workflow, snakemake

from actorsup.training.weights import load_weights

ONE_NODE = Path(__file__).parent / "one_node"
# a demo of a minute, the same stages and little learned, for who is in a hurry
SMALL = {
    "datasets.demo.train_videos": 24,
    "datasets.demo.test_videos": 12,
    "datasets.demo.stills": 200,
    "datasets.demo.sequences": 12,
    "datasets.demo.shards": 2,
    "detectors.demo_ssd.training.epochs": 2,
    "linkers.demo_siamese.training.epochs": 2,
    "models.demo.epochs": 2,
}
WHOLE = os.environ.get("CLUSTER_TESTS") != "small demo"
LAUNCHER = (
    f"exec srun --nodes=2 --ntasks=2 --cpu-bind=none {sys.executable} -m torch.distributed.run --nnodes=2 "
    '--nproc_per_node=1 --rdzv_backend=c10d --rdzv_endpoint=$(hostname):{port} "$@"'
)
TABLES = ("results/demo_map.csv", "results/demo_recall.csv", "results/demo/failures.csv")
RESULTS = (*TABLES, "results/demo/videos.csv", "results/demo/predictions.json")


def submit(folder: Path, cluster: Slurm, *arguments: str, minutes: int = 15) -> str:
    """Run Snakemake by the profile for Slurm, overridden by the site's own."""
    command = [sys.executable, "-m", "snakemake", *arguments]
    command += ["--profile", "profiles/slurm", "--profile", str(ONE_NODE)]
    done = subprocess.run(
        command, cwd=folder, env=dict(cluster.environment), capture_output=True, text=True,
        timeout=60 * minutes,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-8000:] + cluster.logs()
    return done.stdout + done.stderr


def test_a_run_by_slurm_ends_in_the_tables_of_a_local_one(cluster, repository, tmp_path):
    here, there = (
        copy_workflow(repository, tmp_path / name, {} if WHOLE else SMALL) for name in ("here", "there")
    )
    text = submit(there, cluster, *RESULTS, minutes=60)
    jobs = set(re.findall(r"submitted with SLURM jobid (\d+)", text))
    assert len(jobs) >= 14, text[-4000:]
    snakemake(here, *RESULTS)
    for name in RESULTS:
        assert (there / name).read_bytes() == (here / name).read_bytes(), name
    assert snakemake(there, "--dry-run", *RESULTS).count("Nothing to be done")
    if WHOLE:
        # the demo's figures are in docs/demo.md; another machine's may differ, but not by this much
        precision, recall = (pd.read_csv(here / name, dtype={"iou_threshold": str}) for name in TABLES[:2])
        found = precision.query("`class` == 'mean' and iou_threshold == '0.2'")["average_precision"]
        covered = recall.query("group == 'all' and proposals == 10 and iou_threshold == '0.5'")["recall"]
        assert found.item() > 0.5 and covered.item() > 0.7


def test_what_goes_wrong_is_handed_in_again_with_more(cluster, repository, tmp_path):
    folder = copy_workflow(repository, tmp_path / "house", {})
    shutil.copy(Path(__file__).parent / "faults.smk", folder)
    text = submit(folder, cluster, "--snakefile", "faults.smk")
    measured = {path.stem: [*map(int, path.read_text().split())] for path in (folder / "faults").iterdir()}
    # attempt, MB and minutes of the attempt that ended well: twice what the rule says
    assert measured == {
        "failed": [2, 1000, 4],
        "cancelled": [2, 1000, 4],
        "out_of_time": [2, 1000, 2],
        "out_of_memory": [2, 1400, 4],
    }
    states = re.findall(r"SLURM status is: '(\w+)'", text)
    assert sorted(states) == ["CANCELLED", "FAILED", "FAILED", "TIMEOUT"]
    assert "exceeded memory limit" in text


def test_jobs_ask_for_a_gpu_where_the_configuration_says_so(cluster, repository, tmp_path):
    folder = copy_workflow(repository, tmp_path / "house", {})
    (folder / "gpu.smk").write_text(
        'configfile: "config.yaml"\ninclude: "rules/common.smk"\nrule gpu:\n    output: "gpu.txt"\n'
        '    resources: gpu=GPU\n    shell: "echo gpus ${{CUDA_VISIBLE_DEVICES:-none}} > {output}"\n'
    )
    for device, seen in (("cpu", "none"), ("cuda", "0")):
        submit(folder, cluster, "--snakefile", "gpu.smk", "--forceall", "--config", f"device={device}")
        assert (folder / "gpu.txt").read_text() == f"gpus {seen}\n"


def test_nodes_that_train_together_train_what_one_process_does(repository, tmp_path):
    own_videos(tmp_path / "data")
    changes = own_changes(tmp_path / "data")
    folder = copy_workflow(repository, tmp_path / "house", changes)
    model = "results/blind/models/fixed/tiny/seed0.pt"
    snakemake(folder, model)
    single = load_weights(folder / model)["state"]
    configure(folder, {"training.launcher": f"sh -c '{LAUNCHER.format(port=free_ports(1)[0])}' sh"})
    resources = [f"train_attention:{name}" for name in ("nodes=2", "tasks=2", "mpi=srun")]
    with slurm(cpus=2, memory=16000, nodes=2) as two_nodes:
        submit(folder, two_nodes, model, "--forcerun", "train_attention", "--set-resources", *resources)
    assert "--nnodes=2" in (folder / "logs/blind/train_attention/fixed/tiny/seed0.log").read_text()
    together = load_weights(folder / model)["state"]
    for name, value in single.items():
        assert (together[name] - value).abs().max() <= 1e-4 * value.abs().max(), name
    assert any(not torch.equal(together[name], value) for name, value in single.items())


def test_no_process_and_no_file_is_left():
    with slurm(cpus=2, memory=4000) as running:
        assert processes_of(running.folder)
    assert not processes_of(running.folder) and not running.folder.exists()
