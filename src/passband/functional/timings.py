"""What `plan="measure"` found out before: seconds per way, kept on disk from run to run.

One small file an entry, `<cache>/timings/<digest>.json`. It appears whole, by a rename, so that any
number of processes read and write without a lock. Whatever is wrong with a file or the disk means
"not remembered": a convolution measures again, and neither fails nor warns because of it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch

from passband.atomic import write_atomic

FORMAT = 3  # to be raised with the layout of a file, and when a way becomes faster or slower
MOST_ENTRIES = 4096  # of all machines and formats that share the folder
MOST_BYTES = 16_384  # of an entry
_USERS_CACHES = {"darwin": ("", "~/Library/Caches"), "win32": ("LOCALAPPDATA", "~/AppData/Local")}


def recall(key: str) -> dict[str, float] | None:
    """The seconds that were remembered under a key on a machine like this one; raises nothing.

    Args:
        key: what was measured: shapes, band, dtype, device, threads.

    Returns:
        Seconds by name, at least one, each positive and finite; None where there are none to trust.
    """
    folder = timings_folder(sys.platform, os.environ)
    if folder is None:
        return None
    path, identity = _entry(folder, key)
    try:
        if not path.is_file():  # a pipe would be waited for
            return None
        with path.open("rb") as file:
            entry = json.loads(file.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not identity.items() <= entry.items():
        return None
    return _checked(entry.get("seconds"))


def remember(key: str, seconds: Mapping[str, float]) -> None:
    """Keeps seconds for `recall`, in place of what was there; past `MOST_ENTRIES` the oldest go.

    Nothing is kept, and nothing raised, where the disk cannot be written, where `$PASSBAND_CACHE`
    is empty, or if a time is not a positive finite float.
    """
    folder = timings_folder(sys.platform, os.environ)
    if folder is None or not _checked(seconds):
        return
    path, identity = _entry(folder, key)
    content = json.dumps({**identity, "seconds": dict(seconds)})
    if len(content) > MOST_BYTES:
        return
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        if not path.is_file():  # a pipe would be written to
            path.unlink(missing_ok=True)
        write_atomic(path, content)
        _forget_oldest(folder)


def timings_folder(system: str, environ: Mapping[str, str]) -> Path | None:
    """In `$PASSBAND_CACHE` (nowhere if empty), else among the user's caches on that system."""
    asked = environ.get("PASSBAND_CACHE")
    if asked == "":
        return None
    variable, usual = _USERS_CACHES.get(system, ("XDG_CACHE_HOME", "~/.cache"))
    caches = Path(environ.get(variable, ""))
    if not caches.is_absolute():  # to be ignored, says XDG
        caches = Path(usual)
    with suppress(RuntimeError):  # a user without a home
        return (Path(asked) if asked else caches / "passband").expanduser() / "timings"
    return None


def _checked(seconds: object) -> dict[str, float] | None:
    """The same, if it is times by name."""
    if not isinstance(seconds, Mapping) or not all(isinstance(name, str) for name in seconds):
        return None
    if not all(isinstance(value, float) and 0 < value < math.inf for value in seconds.values()):
        return None
    return dict(seconds) or None


def _entry(folder: Path, key: str) -> tuple[Path, dict[str, object]]:
    """The file of a key, and what is to stand in it: its name is but a digest."""
    identity = {"key": key, "machine": [*_processor(), *_gpus()], "format": FORMAT}
    digest = hashlib.sha256(json.dumps(identity).encode()).hexdigest()
    return folder / f"{digest[:32]}.json", identity


@cache
def _processor() -> tuple[str, ...]:
    """The CPU, what PyTorch uses of it, and which PyTorch."""
    model = ""
    with suppress(OSError, subprocess.SubprocessError):
        if sys.platform == "linux":
            with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
                first = file.read(4096).partition("\n\n")[0]
            # Numbers too: virtual machines are plainly "AMD EPYC", ARM has nothing but numbers.
            names = "model name|cpu family|model|CPU implementer|CPU part|cpu"
            model = " ".join(re.findall(rf"^(?:{names})\s*: *(.*)$", first, re.MULTILINE))
        elif sys.platform == "darwin":
            ask = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
            model = subprocess.check_output(ask, text=True, timeout=5).strip()
        else:
            model = platform.processor()
    used = f"{os.cpu_count()} cores, {torch.backends.cpu.get_cpu_capability()}"
    return platform.machine(), model, used, f"torch {torch.__version__}"


def _gpus() -> list[str]:
    """Models of the GPUs, if in use: to wake them takes memory and bars forked processes."""
    kinds = [kind for kind in (torch.cuda, torch.xpu) if kind.is_initialized()]
    names = [kind.get_device_name(at) for kind in kinds for at in range(kind.device_count())]
    # However many of its like GPUs a machine shows to a process, it is the same machine.
    return names[:1] if len(set(names)) == 1 else names


def _forget_oldest(folder: Path) -> None:
    """Makes room, by a quarter, in a full folder; what a killed writer left counts and goes too."""
    with os.scandir(folder) as files:
        ours = [file for file in files if file.name.endswith((".json", ".tmp"))]
        ours = [file for file in ours if file.is_file(follow_symlinks=False)]
    if len(ours) > MOST_ENTRIES:
        # If another process makes room too, a file may be gone: then that process goes on alone.
        ours.sort(key=lambda file: file.stat().st_mtime_ns)
        for file in ours[: MOST_ENTRIES // 4 - MOST_ENTRIES]:
            Path(file).unlink(missing_ok=True)
