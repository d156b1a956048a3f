"""A process that imports Snakemake once and forks for every run that a test starts.

It reads one request a line (JSON: the arguments of ``run``) and writes the exit status. The library is never
imported here: each run imports the copy in its own folder.
"""

import gc
import importlib
import json
import os
import runpy
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial

from snakemake.benchmark import benchmarked

# what a plan imports, apart from the library
IMPORTED_BY_PLANS = (
    "snakemake.cli", "snakemake.script", "snakemake.report.html_reporter", "snakemake.storage", "smart_open",
    "requests", "jinja2", "pandas", "h5py", "yaml", "jsonschema", "fastjsonschema",
)  # fmt: skip
IMPORTED_BY_JOBS = ("torch", "torchvision", "cv2", "scipy", "tqdm")
SITE = sys.path[1:]


def run(
    arguments: list[str],
    folder: str,
    environment: dict[str, str],
    stdout: str,
    stderr: str,
    fork_jobs: bool,
) -> None:
    """Do in this process what ``python -m snakemake`` does in a new one."""
    redirect(0, os.devnull, os.O_RDONLY)
    redirect(1, stdout, os.O_WRONLY)
    redirect(2, stderr, os.O_WRONLY)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)), *SITE]
    importlib.invalidate_caches()
    if fork_jobs:
        sys.modules["snakemake.script"].PythonScript.execute_script = run_script
    sys.argv = ["snakemake", *arguments]
    sys.modules["snakemake.cli"].main(arguments)


def redirect(stream: int, path: str, how: int) -> None:
    opened = os.open(path, how)
    os.dup2(opened, stream)
    os.close(opened)


def run_script(self, path: str, edit: bool = False) -> None:
    """Run the script of a job in a fork of the process that runs Snakemake."""

    def work() -> None:
        # a job sets its number of threads for libraries that it imports; these are imported already
        sys.modules["torch"].set_num_threads(self.threads)
        sys.modules["cv2"].setNumThreads(self.threads)
        runpy.run_path(path, run_name="__main__")

    process = fork(work)
    with benchmarked(process, self.bench_record) if self.bench_record else nullcontext():
        status = wait(process)
    if status:
        raise subprocess.CalledProcessError(status, path)


def fork(work: Callable[[], object]) -> int:
    """Do some work in a new process, and return the number of the process."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        work()
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if isinstance(stop.code, str):
            print(stop.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def wait(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def import_all(modules: tuple[str, ...]) -> None:
    for name in modules:
        importlib.import_module(name)
    gc.freeze()  # pages stay shared with the forked processes


import_all(IMPORTED_BY_PLANS)
for line in iter(sys.stdin.readline, ""):
    request = json.loads(line)
    if request["fork_jobs"]:
        import_all(IMPORTED_BY_JOBS)
    print(wait(fork(partial(run, **request))), flush=True)
