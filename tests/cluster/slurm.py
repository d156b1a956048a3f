"""A Slurm of one node on this machine: configuration, daemons and munge in one temporary folder.

Nothing outside that folder is written, and all daemons listen only on the loopback.
"""

import ctypes
import getpass
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "squeue", "scancel", "sinfo")
INSTALL = "apt-get update && apt-get install -y --no-install-recommends slurm-wlm munge"
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])

# Memory is enforced by what jobs are seen to use, every second: that needs no cgroups.
_SLURM_CONF = """\
ClusterName=loop
SlurmctldHost=localhost(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={control_port}
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerType=sched/backfill
EnforcePartLimits=ALL
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
KillWait=5
ReturnToService=2
MinJobAge=300
SlurmdParameters=config_overrides
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
GresTypes=gpu
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
_NODE = (
    "NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory={memory} "
    "Gres=gpu:1 State=UNKNOWN"
)
# not a real GPU: the tests show that jobs request it and that Slurm shares it out
_GRES_CONF = "Name=gpu File=/dev/null\n"


@dataclass(frozen=True)
class Slurm:
    """A Slurm that runs.

    Attributes:
        folder: Its configuration, logs and state.
        environment: What its commands find it with.
    """

    folder: Path
    environment: Mapping[str, str]

    def ask(self, *command: str) -> str:
        """What one of its commands prints; an empty string where it fails."""
        done = subprocess.run(command, env=dict(self.environment), capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    def logs(self) -> str:
        """The last lines of the daemons' logs, for messages."""
        texts = [path.read_text(errors="replace")[-3000:] for path in self.folder.glob("*.log")]
        return "\n".join(texts)


def missing_programs() -> list[str]:
    """Return the required programs that are not installed."""
    return [name for name in PROGRAMS if not shutil.which(name, path=_PATH)]


def free_ports(count: int) -> list[int]:
    """Ports of the loopback that nothing listens on."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def slurm(cpus: int, memory: int, nodes: int = 1) -> Iterator[Slurm]:
    """Run a Slurm on this machine, and leave no process of it behind.

    Args:
        cpus: Of a node, whatever the machine has.
        memory: Of a node, MB.
        nodes: How many; each is a daemon on this machine.

    Raises:
        RuntimeError: It did not come up, with what its logs say.
    """
    # a socket's path may have 108 characters at most
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    path = os.pathsep.join([str(folder / "bin"), _PATH])
    environment = {**os.environ, "PATH": path, "SLURM_CONF": str(folder / "slurm.conf")}
    running = Slurm(folder, environment)
    daemons: list[subprocess.Popen[bytes]] = []
    try:
        names = [f"node{number}" for number in range(nodes)]
        _write(folder, cpus, memory, names)
        _wrap_commands(folder)
        for command in _daemons(folder, names):
            daemons.append(_start(command, running))
            time.sleep(1)
        _wait_until_idle(running, daemons, nodes)
        yield running
    finally:
        running.ask("scancel", "--user", getpass.getuser())
        for daemon in reversed(daemons):
            _stop(daemon)
        _kill_steps(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _write(folder: Path, cpus: int, memory: int, names: list[str]) -> None:
    for name in ("state", *(f"spool-{name}" for name in names)):
        (folder / name).mkdir()
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))
    control, *ports = free_ports(1 + len(names))
    nodes = [
        _NODE.format(name=name, port=port, cpus=cpus, memory=memory)
        for name, port in zip(names, ports, strict=True)
    ]
    conf = _SLURM_CONF.format(
        user=getpass.getuser(), folder=folder, control_port=control, nodes="\n".join(nodes)
    )
    (folder / "slurm.conf").write_text(conf)
    (folder / "gres.conf").write_text(_GRES_CONF)


def _wrap_commands(folder: Path) -> None:
    """Put commands of this Slurm first into the path: the executor's jobs are left no SLURM_CONF."""
    (folder / "bin").mkdir()
    for name in ("sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun"):
        wrapped = folder / "bin" / name
        program = shutil.which(name, path=_PATH)
        wrapped.write_text(f'#!/bin/sh\nSLURM_CONF={folder}/slurm.conf exec {program} "$@"\n')
        wrapped.chmod(0o755)


def _daemons(folder: Path, names: list[str]) -> list[list[str]]:
    """In the order in which they start; each stays in the foreground, to be ended by its own id."""
    munge = {
        "--socket": "munge.socket",
        "--key-file": "munge.key",
        "--pid-file": "munged.pid",
        "--log-file": "munged.log",
        "--seed-file": "munged.seed",
    }
    files = [f"{option}={folder / name}" for option, name in munge.items()]
    return [
        ["munged", "--foreground", "--force", "--num-threads=2", *files],
        ["slurmctld", "-D", "-i"],
        *(["slurmd", "-D", "-N", name] for name in names),
    ]


def _end_with_parent() -> None:
    """Have the kernel end this process if the tests are killed (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _start(command: list[str], running: Slurm) -> subprocess.Popen[bytes]:
    with open(running.folder / f"{command[0]}-{len(list(running.folder.iterdir()))}.log", "wb") as said:
        return subprocess.Popen(
            command, env=dict(running.environment), stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            preexec_fn=_end_with_parent,
        )  # fmt: skip


def _wait_until_idle(running: Slurm, daemons: list[subprocess.Popen[bytes]], nodes: int) -> None:
    for _ in range(60):
        if any(daemon.poll() is not None for daemon in daemons):
            break
        if running.ask("sinfo", "--noheader", "--Node", "--format=%T").split() == ["idle"] * nodes:
            return
        time.sleep(0.5)
    raise RuntimeError(f"Slurm did not come up:\n{running.logs()}")


def _stop(daemon: subprocess.Popen[bytes]) -> None:
    daemon.terminate()
    try:
        daemon.wait(timeout=15)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


def processes_of(folder: Path) -> list[int]:
    """Ids of processes whose environment or command names this folder, but for this process."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            named = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            if str(folder).encode() in named and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found


def _kill_steps(folder: Path) -> None:
    """End what jobs have left behind: all of it carries this Slurm's configuration."""
    for process in processes_of(folder):
        with suppress(OSError):
            os.kill(process, signal.SIGKILL)
