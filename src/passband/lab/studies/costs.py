"""What a step costs, as rows of a study's table."""

import statistics
from collections.abc import Mapping

from torch import Tensor

from passband.lab.config import TrainConfig
from passband.lab.data import LabeledData, first
from passband.lab.measure import Cost
from passband.lab.results import Row


def first_batch(run: TrainConfig, loaded: LabeledData) -> tuple[Tensor, Tensor]:
    """The first maps and labels of the training set, as many as a run has in a batch."""
    return first(loaded.train, run.batch_size)


def cost_rows(
    study: str,
    runs: Mapping[str, TrainConfig],
    measured: Mapping[str, Cost],
    keep_measured: Mapping[str, float | None],
) -> list[Row]:
    """Saved bytes, seconds and the paired ratio to ``plain``, for every run.

    Args:
        study: Its name.
        runs: By a name of their own; one of them is ``plain``.
        measured: The cost of each.
        keep_measured: What the layers of each really keep.
    """
    plain = measured["plain"].seconds
    rows = []
    for name, run in runs.items():
        cost = measured[name]
        ratios = [mine / its for mine, its in zip(cost.seconds, plain, strict=True)]
        for metric, value in (
            ("saved_bytes", cost.saved_bytes),
            ("step_seconds", statistics.median(cost.seconds)),
            ("step_ratio", statistics.median(ratios)),
        ):
            rows.append(
                Row(study, run.data, run.model, run.variant, run.seed, None, run.keep,
                    keep_measured[name], metric, float(value), run.beta)
            )  # fmt: skip
    return rows
