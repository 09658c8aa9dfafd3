"""How to read a table: sentences for the report, as HTML."""

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from passband.lab.results import Row

SAVED = (
    "Saved bytes are those of distinct storages that autograd holds for backward after forward and "
    "loss of one batch, parameters excluded: not the process's peak."
)
_CONVERTED = (
    "Converting convolutions alone need not lower them: the map that a convolution then no longer "
    "holds may still be held by the activation or pooling before it."
)
_KEEP = (
    "<b>keep</b> is what was asked, <b>measured</b> what the converted layers really keep of the "
    "half spectrum after rounding to whole frequencies, weighted by channels. <b>plain</b> is the "
    "unconverted model with PyTorch's own convolutions."
)
DENSITY = (
    "<b>density</b> is the share of their coefficients that all thresholds together keep. What is "
    "held for backward is a bit for each coefficient, and those that are kept; of the last block "
    "of a stage without a second activation the bits alone, whatever beta is: spec_lenet5_bn holds "
    "no more of its spectra."
)


def of_data(rows: Sequence[Row], about: Mapping[str, Any]) -> Iterable[str]:
    """Data, seeds and which accuracy it is: what is to be said of any study."""
    samples = about.get("samples") or {}
    for name in dict.fromkeys(row.data for row in rows):
        count = samples.get(name) or {}
        parts = (("train", "samples to train"), ("validation", "held out"), ("test", "to test"))
        sizes = [f"{count[part]} {words}" for part, words in parts if part in count]
        size = f": {', '.join(sizes)}" if sizes else ""
        yield f"Data: <b>{escape(name)}</b>{size}."
    looked = {int(row.value) for row in rows if row.metric == "looked"}
    if looked:
        yield f"Looked at: {' or '.join(map(str, sorted(looked)))} of the samples to test."
    seeds = len({row.seed for row in rows})
    spread = (
        "A single seed says nothing about the spread."
        if seeds == 1
        else "± is one sample standard deviation over seeds; with few seeds it is a rough guess."
    )
    yield f"{seeds} seed{'s' if seeds > 1 else ''}. {spread}"
    if any(row.metric == "test_accuracy" for row in rows):
        yield (
            "Accuracy is the <b>last</b> epoch's on the test set, which had no part in any choice: "
            "no epoch was picked."
        )
    diverged = {
        f"{row.variant} seed {row.seed} of {row.model} on {row.data}"
        for row in rows
        if row.metric == "train_loss" and not math.isfinite(row.value)
    }
    if diverged:
        yield f"<b>Diverged</b>, the loss is no number: {escape('; '.join(sorted(diverged)))}."
    if any(row.metric == "best_test_accuracy" for row in rows):
        yield (
            "<b>At best validation</b> is the accuracy on the test set of the epoch that did best "
            "on the part of the training set that was held out."
        )


def of_bands(rows: Sequence[Row], run: Mapping[str, Any]) -> Iterable[str]:
    """What band-limited models keep, hold and take."""
    metrics = {row.metric for row in rows}
    if any(row.variant == "band" for row in rows):
        yield _KEEP
    if "density" in metrics:
        yield DENSITY
    if "saved_bytes" in metrics:
        yield f"{SAVED} {_CONVERTED}"
    policies = {base.get("memory") for base in run.get("base") or ()} - {None}
    for policy in sorted(policies):
        yield (
            f"All but <b>plain</b> have the memory policy <b>{escape(policy)}</b>; of it alone is "
            "the line without a band."
        )
    if "step_ratio" in metrics:
        yield timed(run)


def timed(run: Mapping[str, Any]) -> str:
    """How steps were timed, by the stored config of a run."""
    repeats = run.get("repeats")
    return (
        "A step is forward, loss, backward and update on one fixed batch. All settings were "
        f"timed in turn in one process{f', {repeats} times per seed' if repeats else ''}; "
        "milliseconds are medians, and the ratio to plain is the median of paired ratios. "
        "They hold for this machine and what else it did; differences of a few percent are "
        "noise. Below 1 is faster than plain."
    )
