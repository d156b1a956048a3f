"""A process that imports Snakemake once and forks for every run that a test starts.

It reads one request a line (JSON: arguments, folder, environment, files for stdout and stderr) and writes the
exit status. The library is never imported here: each run imports the copy in its own folder.
"""

import gc
import importlib
import json
import os
import sys

# what a plan imports, apart from the library
IMPORTED = (
    "snakemake.cli", "snakemake.script", "snakemake.report.html_reporter", "snakemake.storage", "smart_open",
    "requests", "jinja2", "pandas", "h5py", "yaml", "jsonschema", "fastjsonschema",
)  # fmt: skip
for name in IMPORTED:
    importlib.import_module(name)
SITE = sys.path[1:]


def run(arguments: list[str], folder: str, environment: dict[str, str], stdout: str, stderr: str) -> None:
    """Do in this process what ``python -m snakemake`` does in a new one."""
    for stream, path in ((0, os.devnull), (1, stdout), (2, stderr)):
        opened = os.open(path, os.O_RDONLY if stream == 0 else os.O_WRONLY)
        os.dup2(opened, stream)
        os.close(opened)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:] = [folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep)), *SITE]
    importlib.invalidate_caches()
    sys.argv = ["snakemake", *arguments]
    sys.modules["snakemake.cli"].main(arguments)


gc.freeze()  # pages stay shared with the forked processes
for line in iter(sys.stdin.readline, ""):
    process = os.fork()
    if not process:
        run(**json.loads(line))
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
