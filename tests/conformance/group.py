"""What each of two processes of a group is asked for: they import it."""

from __future__ import annotations

import datetime
from pathlib import Path

import torch
from conformance_suite import CAPABILITIES, ask
from running import RANKS
from subjects import SUBJECTS
from torch import distributed


def work(rank: int, folder: str, names: list[tuple[str, str]]) -> None:
    """One of the processes; writes what each cell raised, or None."""
    torch.set_num_threads(1)
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/store", rank=rank, world_size=RANKS,
        timeout=datetime.timedelta(seconds=60),
    )  # fmt: skip
    outcomes: list[Exception | None] = []
    for subject, capability in names:
        try:
            ask(SUBJECTS[subject], CAPABILITIES[capability])
            outcomes.append(None)
        except Exception as error:
            outcomes.append(error)
    torch.save(outcomes, Path(folder) / f"{rank}")
    distributed.destroy_process_group()
