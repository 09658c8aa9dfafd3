"""A grid killed, shared among processes, on a cluster, or wanted by two at once."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from passband.lab import cli, results, rundir

GRID = [
    "study", "rates", "--data", "digits", "--model", "lenet5", "--keep", "1", ".25", "--seeds", "2",
    "--energy", ".9", "--epochs", "2", "--batch-size", "128", "--lr", "3e-3", "--repeats", "0",
    "--accelerator", "cpu",
]  # fmt: skip
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def begin(out: Path, *more: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "passband", *GRID, "--out", str(out), *more]
    return subprocess.Popen(
        words, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )


def finish(out: Path, *more: str) -> None:
    process = begin(out, *more)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said.decode()


def table(out: Path) -> bytes:
    return (out / "results.csv").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, float]:
    """The table of a grid that nothing disturbs, and the seconds that it takes."""
    out, start = tmp_path_factory.mktemp("undisturbed"), time.monotonic()
    finish(out)
    return table(out), time.monotonic() - start


def killed(out: Path, after: float, *more: str) -> None:
    process = begin(out, *more)
    time.sleep(after)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_grid_has_what_it_asked_for(undisturbed: tuple[bytes, float], tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_bytes(undisturbed[0])
    rows = results.read(path)
    found = {(r.variant, r.keep, r.at, r.seed) for r in rows if r.metric == "test_accuracy"}
    settings = (
        ("plain", None, None),
        ("band", 1, None),
        ("band", 0.25, None),
        ("energy", None, 0.9),
    )
    assert found == {(*setting, seed) for setting in settings for seed in (0, 1)}
    by_energy = [row.keep_measured for row in rows if row.variant == "energy"]
    assert all(kept is not None and 0 < kept < 1 for kept in by_energy)
    assert not any(row.metric.startswith("step") for row in rows)


_moments = random.Random(6)
RANDOM = [pytest.param(_moments.random(), marks=pytest.mark.slow) for _ in range(20)]


@pytest.mark.parametrize("moment", [0.5, 0.8, *RANDOM])
def test_a_grid_killed_at_any_moment_ends_as_if_nothing_had_been(
    undisturbed: tuple[bytes, float], tmp_path: Path, moment: float
) -> None:
    wanted, seconds = undisturbed
    killed(tmp_path, moment * seconds)
    finish(tmp_path)
    assert table(tmp_path) == wanted


def test_processes_side_by_side_make_the_same_table(
    undisturbed: tuple[bytes, float], tmp_path: Path
) -> None:
    wanted, seconds = undisturbed
    killed(tmp_path, 0.7 * seconds, "--jobs", "2")  # the helpers of a killed study go with it
    finish(tmp_path, "--jobs", "2")
    assert table(tmp_path) == wanted


def test_a_cluster_makes_the_same_table(
    undisturbed: tuple[bytes, float], tmp_path: Path, two_machines: str
) -> None:
    finish(tmp_path, "--ray", two_machines)
    assert table(tmp_path) == undisturbed[0]


@pytest.fixture
def two_machines() -> Iterator[str]:
    """The address of a cluster of two workers of one core each, both on this machine."""
    pytest.importorskip("ray")
    ray = [sys.executable, "-m", "ray.scripts.scripts"]
    options = ["--num-cpus", "1", "--disable-usage-stats", "--include-dashboard", "false"]
    port = 20000 + os.getpid() % 20000

    def start(*words: str) -> None:
        subprocess.run([*ray, "start", *words], env=ENVIRONMENT, check=True, capture_output=True,
                       timeout=120)  # fmt: skip

    try:
        start("--head", "--port", str(port), *options)
        start("--address", f"127.0.0.1:{port}", *options[:2])
        yield f"127.0.0.1:{port}"
    finally:
        subprocess.run([*ray, "stop", "--force"], env=ENVIRONMENT, check=False, capture_output=True)


def test_a_second_writer_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(rundir, "PATIENCE", 0.1)
    words = ["train", *GRID[2:6], "--epochs", "1", "--accelerator", "cpu"]
    for command in ([*GRID], words):
        with rundir.only_writer(tmp_path):
            assert cli.main([*command, "--out", str(tmp_path)]) == 2
        said = capsys.readouterr().err
        assert said == f"passband: error: another process is writing to it: {tmp_path}\n"
        assert not list(tmp_path.iterdir())


def test_a_writer_that_is_gone_keeps_nobody_out(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from passband.lab import rundir\n"
        "with rundir.only_writer(Path(sys.argv[1])): print('in', flush=True); time.sleep(600)"
    )
    words = [sys.executable, "-c", code, str(tmp_path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        other.kill()
    with rundir.only_writer(tmp_path):
        pass


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_ends_all_at_once_and_the_study_goes_on(tmp_path: Path, jobs: str) -> None:
    long = ["--epochs", "200", "--jobs", jobs]
    words = [sys.executable, "-m", "passband", *GRID, *long, "--out", str(tmp_path)]
    # A shell's background job, which these tests may be, ignores Ctrl-C, and its children with it.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, start_new_session=True,
                               preexec_fn=heeding)  # fmt: skip
    while len(list(tmp_path.glob("runs/*/last.ckpt"))) < int(jobs):
        assert process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    told = "passband: interrupted; the same command goes on"
    assert (process.returncode, said.decode().splitlines()[-1]) == (130, told)
    begun = set(tmp_path.glob("runs/*"))
    assert len(begun) == int(jobs)  # no other was begun
    before = {path: path.read_bytes() for path in tmp_path.glob("runs/*/last.ckpt")}
    time.sleep(2)
    assert {path: path.read_bytes() for path in tmp_path.glob("runs/*/last.ckpt")} == before


def test_a_failing_task_of_several_processes_is_told(tmp_path: Path) -> None:
    runs = tmp_path / "runs" / "digits-lenet5-keep0.25-seed1"
    runs.mkdir(parents=True)
    (runs / "last.ckpt").write_bytes(b"damaged")
    process = begin(tmp_path, "--jobs", "2")
    _, said = process.communicate(timeout=300)
    assert process.returncode == 2
    *progress, last = said.decode().splitlines()
    assert last.startswith("passband: error: checkpoint ")
    assert all(line.startswith("[") for line in progress)
