"""Trainings of a study side by side, in processes of this machine."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import active_children, get_context

import torch

from passband.lab.studies.task import Task, do
from passband.lab.studies.watch import Watch


def train_all(tasks: Sequence[Task], jobs: int, watch: Watch) -> None:
    """Does tasks by several processes at a time, which share the machine's cores and GPUs.

    Args:
        tasks: What to do. Results are in the tasks' directories afterwards.
        jobs: How many processes.
        watch: Is told of progress.

    Raises:
        Exception: Of the first task that failed. Others that were begun are stopped; they go on
            from their last epoch when they are done again.
    """
    context = get_context("spawn")  # a fork would share threads and the GPU's state
    numbers = context.Queue()
    for number in range(jobs):
        numbers.put(number)
    with ProcessPoolExecutor(jobs, context, _begin, (numbers, jobs, os.getpid())) as pool:
        futures = {pool.submit(do, task): task for task in tasks}
        try:
            for count, future in enumerate(as_completed(futures), 1):
                future.result()
                watch(count / len(tasks), f"trained {count} of {len(tasks)} by {jobs} processes")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            # They would do what waits in their queue.
            for worker in active_children():
                worker.kill()
            raise


def _begin(numbers: "object", jobs: int, parent: int) -> None:
    """Makes a worker one of several, which its parent ends: Ctrl-C is the parent's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    number: int = numbers.get()  # type: ignore[attr-defined]  # a queue, which has no type of its own
    # Before anything looks at the GPUs.
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = shown.split(",") if shown else [str(n) for n in range(torch.cuda.device_count())]
    if gpus:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus[number % len(gpus)]
    torch.set_num_threads(max(1, torch.get_num_threads() // jobs))


def _end_with(parent: int) -> None:
    """Ends this process when the one that began it is gone, killed perhaps: none writes unseen."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)
