from pathlib import Path

import pytest
import torch

from bench_row import bench_row
from passband.kernels import missing
from passband.lab import cli
from passband.lab.bench import command, contender, machine, row, run
from passband.lab.bench.machine import Rates

CONV = ["bench", "conv", "--out", "OUT"]
STEP = ["bench", "step", "--out", "OUT"]
TINY = ["--group", "small", "--case", "LeNet conv1", "--repeats", "1", "--threads", "1"]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of known rates, which need not be measured."""
    monkeypatch.setattr(run, "rates", lambda dtype, device: Rates(1e9, 1e9))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["bench", "nap"], "nap"),
        ([*CONV, "--group", "large"], "large"),
        ([*CONV, "--case", "LeNet conv3"], "LeNet conv3"),
        ([*CONV, "--keep", "1.5"], "keep lies in (0, 1]; got 1.5"),
        ([*CONV, "--keep", "plain"], "plain"),
        ([*CONV, "--dtype", "float16"], "float16"),
        ([*CONV, "--device", "abacus"], "device is one of cpu"),
        ([*CONV, "--threads", "0"], "threads is at least 1; got 0"),
        ([*CONV, "--repeats", "0"], "repeats is at least 1; got 0"),
        ([*CONV, "--check", "/nowhere.csv"], "/nowhere.csv"),
        ([*CONV, *TINY, "--tolerance", "-1"], "tolerance is finite and at least 0; got -1.0"),
        ([*CONV, "--model", "lenet5"], "--model"),
        ([*STEP, "--group", "small"], "--group"),
        ([*STEP, "--model", "lenet"], "unknown model 'lenet'"),
        ([*STEP, "--batch", "0"], "batch is at least 1; got 0"),
        (["bench", "step", "--out", "/dev/null/run"], "/dev/null/run"),
    ],
)
def test_a_users_error_is_one_line_and_leaves_nothing(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert cli.main([word.replace("OUT", str(out)) for word in words]) == 2
    shown = capsys.readouterr()
    (line,) = shown.err.splitlines()
    assert line.startswith("passband: error: ")
    assert told in line
    assert not out.exists()


@pytest.mark.usefixtures("quick")
def test_a_layer_from_words_to_table_figures_and_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", "conv", *TINY, "--keep", "0.5", "0.25", "--out", str(tmp_path)]
    assert cli.main(words) == 0
    shown = capsys.readouterr()
    *progress, last = shown.err.splitlines()
    assert last == "[100 %] done"
    assert all(line.startswith("[") for line in progress)
    assert "conv, float32" in shown.out
    assert "peak MiB: memory of a step" in " ".join(shown.out.split())
    assert shown.out.splitlines()[-1] == f"table: {tmp_path / 'conv.csv'}"

    rows = row.read(tmp_path / "conv.csv")
    plain = [one for one in rows if one.contender.startswith("nn.Conv")]
    ours = [one for one in rows if one.ours]
    assert [one.contender for one in plain] == ["nn.Conv contiguous", "nn.Conv channels_last"]
    plans = {"fft", "dft", "spatial", "auto"} | (set() if missing("cpu") else {"fused"})
    assert {one.contender.split()[1] for one in ours} == plans
    assert len(ours) == 2 * len(plans) * 2  # keeps, plans, memory formats
    fastest = min(one.seconds for one in plain)
    assert all(one.ratio == fastest / one.seconds for one in rows)
    assert {one.saved_bytes for one in plain} == {4 * 32 * 28 * 28}
    for one in ours:
        assert one.keep_measured == pytest.approx(one.keep or 0, abs=0.05)
        assert one.peak_bytes is not None
        assert one.peak_bytes > 4 * 32 * 6 * 28 * 28  # the output at least
        if " auto " in one.contender:
            rivals = [
                other.seconds
                for other in ours
                if " auto " not in other.contender
                and other.keep == one.keep
                and other.contender.split()[-1] == one.contender.split()[-1]
            ]
            chosen = one.contender.replace("auto", one.way)
            (its,) = (o.seconds for o in ours if (o.contender, o.keep) == (chosen, one.keep))
            assert one.loss == its / min(rivals)
        else:
            assert one.way == one.contender.split()[1]
            assert one.loss is None
    assert (tmp_path / "figures" / "conv-small-float32-crossover.svg").exists()
    assert "rates:" in (tmp_path / "environment.yaml").read_text()


@pytest.mark.parametrize(
    ("reference", "status", "told"),
    [
        (bench_row(case="LeNet conv1", ratio=2.6), 1, "1 of 1 ratios fell by more than 20%"),
        (bench_row(case="LeNet conv1", ratio=2.4), 0, "none of 1 ratios fell by more than 20%"),
        (bench_row(case="another"), 1, "nothing could be compared"),
    ],
)
def test_a_check_decides_on_the_exit_status(
    reference: row.Row,
    status: int,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    measured = [
        bench_row("nn.Conv contiguous", 1.0, case="LeNet conv1", keep=None),
        bench_row(case="LeNet conv1", ratio=2.0),
    ]
    monkeypatch.setattr(command, "run", lambda bench, watch: (measured, ()))
    path = tmp_path / "reference.csv"
    row.write(path, [reference])
    words = ["bench", "conv", *TINY, "--check", str(path), "--out", str(tmp_path)]
    assert cli.main(words) == status
    assert told in capsys.readouterr().out


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("what", ["step", "inference"])
def test_a_network(what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = f"bench {what} --model lenet5 --batch 2 --keep .25 --repeats 1 --threads 1".split()
    dtypes = ["--dtype", "float32", "bfloat16"]
    assert cli.main([*words, *dtypes, "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().err.splitlines()
    assert any(line.startswith("[ 50 %]") for line in lines)
    assert all(line.startswith("[") for line in lines)
    rows = row.read(tmp_path / f"{what}.csv")
    assert [(one.contender, one.dtype) for one in rows] == [
        (f"{who} {memory}", dtype)
        for dtype in ("float32", "bfloat16")
        for who in ("nn.Conv", "passband auto")
        for memory in ("contiguous", "channels_last")
    ]
    assert {one.saved_bytes is None for one in rows} == {what == "inference"}
    assert all(one.floor_seconds for one in rows)
    ours = [one for one in rows if one.ours]
    assert all(one.way and one.loss is None for one in ours)


@pytest.mark.usefixtures("quick")
def test_without_kernels_the_others_are_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "missing", lambda device: "none were made")
    monkeypatch.setattr(contender, "ways", lambda geometry, dtype, device: ("dft", "spatial"))
    assert cli.main(["bench", "conv", *TINY, "--keep", "0.5", "--out", str(tmp_path)]) == 0
    assert "passband fused: none were made" in capsys.readouterr().out.splitlines()
    plans = [one.contender.split()[1] for one in row.read(tmp_path / "conv.csv") if one.ours]
    assert plans == ["dft", "dft", "spatial", "spatial", "auto", "auto"]


def test_rates_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_SIDE", 64)
    monkeypatch.setattr(machine, "_COPIED", 2**16)
    found = machine.rates(torch.bfloat16, torch.device("cpu"))
    assert found.operations > 0
    assert found.bytes > 0
