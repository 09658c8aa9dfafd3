"""Memory of a step, counted where it is allocated: the most at a time, and what stays."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from itertools import accumulate
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile


def peak_bytes(run: Callable[[], object], device: torch.device) -> int:
    """Bytes of PyTorch's allocator, counted at every allocation of one step and exact.

    Weights, input and what else was held before do not count; activations, spectra, workspaces
    taken from PyTorch and gradients do. On a CPU the figure is the highest running sum of the
    profiler's memory events: unlike the process's resident memory it does not depend on what ran
    before in the same process. What MKL, oneDNN or the compiled kernels (room for each thread)
    allocate behind PyTorch's back is not seen. On CUDA it is `torch.cuda.max_memory_allocated`
    less what was allocated before.

    Args:
        run: the step.
        device: where it computes.

    Examples:
        >>> peak_bytes(lambda: torch.zeros(256) + torch.ones(256), torch.device("cpu"))  # 3 maps
        3072
    """
    return int(highest(changes(run, device)))


def changes(run: Callable[[], object], device: torch.device) -> list[int]:
    """Bytes of each allocation, and negative of each release, in order; on CUDA the peak alone."""
    if device.type == "cuda":
        return [_peak_on_cuda(run, device)]
    return _allocations(run)


def held_bytes(run: Callable[[], object], device: torch.device) -> int:
    """Bytes that `run` leaves allocated while what it returns is there; counted as the peak is.

    Of a forward pass that is what its graph keeps, whoever keeps it, beside what was there before.
    """
    results: list[object] = []
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        results.append(run())
        torch.cuda.synchronize(device)
        return torch.cuda.memory_allocated(device) - before
    return sum(_allocations(lambda: results.append(run())))


def _allocations(run: Callable[[], object]) -> list[int]:
    """On a CPU, from the profiler."""
    # Read when the profiler first starts, which otherwise tells on stderr that it does.
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiled:
        run()
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        profiled.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    events = [event for event in events if event.get("name") == "[memory]"]
    events.sort(key=lambda event: event["ts"])
    return [event["args"]["Bytes"] for event in events]


def highest(changes: Iterable[float]) -> float:
    """Most bytes held at a time by these allocations and releases.

    Examples:
        >>> highest([4, 8, -4, 2])
        12
    """
    return max(accumulate(changes, initial=0))


def _peak_on_cuda(run: Callable[[], object], device: torch.device) -> int:
    torch.cuda.synchronize(device)
    before = torch.cuda.memory_allocated(device)
    torch.cuda.reset_peak_memory_stats(device)
    run()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device) - before
