"""Trainings of a study side by side on the machines of a Ray cluster."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from passband.atomic import write_atomic
from passband.lab import config, results
from passband.lab.data.packages import require
from passband.lab.files import make_writable, read_yaml, write_yaml
from passband.lab.studies.task import Task, do
from passband.lab.studies.watch import Watch


def train_all(tasks: Sequence[Task], address: str, watch: Watch) -> None:
    """Does tasks on a cluster, one for each core or GPU.

    The machines need passband and the data, but no common file system: a task's files come back
    when it is done. A study that was stopped begins such tasks anew that were not.

    Args:
        tasks: What to do. Results are in the tasks' directories afterwards.
        address: Of the cluster, as ``ray.init`` takes it.
        watch: Is told of progress.

    Raises:
        ImportError: Ray is not installed.
        ConnectionError: There is no cluster at the address.
        Exception: Of the first task that failed.
    """
    ray = require("ray", extra="ray")
    begun = not ray.is_initialized()
    if begun:
        ray.init(address=address, log_to_driver=False)
    try:
        gpus = 1 if ray.cluster_resources().get("GPU") else 0
        remote = ray.remote(num_cpus=1, num_gpus=gpus)(_elsewhere)
        waiting = {remote.remote(task): task for task in tasks}
        while waiting:
            (ready,), _ = ray.wait(list(waiting), num_returns=1)
            task = waiting.pop(ready)
            _put(Path(task.run.out), ray.get(ready))
            done = len(tasks) - len(waiting)
            watch(done / len(tasks), f"trained {done} of {len(tasks)} on the cluster")
    finally:
        if begun:
            ray.shutdown()


def _elsewhere(task: Task) -> dict[str, bytes]:
    """Does a task in a folder of its own, and returns the files, which tell where they belong."""
    with tempfile.TemporaryDirectory() as folder:
        do(replace(task, run=replace(task.run, out=folder)))
        path = Path(folder) / config.FILE_NAME
        write_yaml(path, {**read_yaml(path), "out": task.run.out})
        return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.is_file()}


def _put(directory: Path, files: dict[str, bytes]) -> None:
    make_writable(directory)
    # The table comes last: with it a task is done.
    for name in sorted(files, key=lambda name: name == results.FILE_NAME):
        write_atomic(directory / name, files[name])
