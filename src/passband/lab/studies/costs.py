"""What a step costs, as rows of a study's table."""

import statistics
from collections.abc import Mapping

from torch import Tensor

from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData, first
from passband.lab.measure import Cost
from passband.lab.results import Row
from passband.lab.studies.task import Task


def first_batch(run: TrainConfig, loaded: LabeledData) -> tuple[Tensor, Tensor]:
    """The first maps and labels of the training set, as many as a run has in a batch."""
    return first(loaded.train, run.batch_size)


def cost_rows(
    study: str,
    tasks: Mapping[str, Task],
    measured: Mapping[str, Cost],
    keep_measured: Mapping[str, float | None],
) -> list[Row]:
    """Saved bytes and, if steps were timed, seconds and the paired ratio to ``plain``.

    Args:
        study: Its name.
        tasks: By a name of their own; one of them is ``plain``.
        measured: The cost of each.
        keep_measured: What the layers of each really keep.
    """
    plain = measured["plain"].seconds
    rows = []
    for name, task in tasks.items():
        run = task.run
        cost = measured[name]
        found: dict[str, float] = {"saved_bytes": cost.saved_bytes}
        if cost.seconds:
            ratios = [mine / its for mine, its in zip(cost.seconds, plain, strict=True)]
            found["step_seconds"] = statistics.median(cost.seconds)
            found["step_ratio"] = statistics.median(ratios)
        for metric, value in found.items():
            rows.append(
                Row(study, run.data, run.model, task.variant or run.variant, run.seed, None,
                    run.keep, keep_measured[name], metric, float(value), run.beta, task.at)
            )  # fmt: skip
    return rows
