from dataclasses import replace
from pathlib import Path

import pytest

from bench_row import bench_row
from passband.lab.bench import row as table
from passband.lab.bench.check import compare, told

HEADER = (
    "command,group,case,contender,keep,keep_measured,dtype,seconds,lower,upper,ratio,"
    "floor_seconds,peak_bytes,saved_bytes,way,loss,repeats,device,machine,torch,threads,date\n"
)
LINE = (
    "conv,small,layer,passband auto contiguous,0.5,0.49,float32,0.006,0.0054,0.0066,2,0.0015,,1000,"
    'dft,1.25,7,cpu,"AMD EPYC, 2 cores",2.13.0,2,2026-01-31\n'
)


def test_a_table_is_plain_csv_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "conv.csv"
    path.write_text(HEADER + LINE)
    (row,) = table.read(path)
    assert (row.keep, row.ratio, row.peak_bytes, row.saved_bytes) == (0.5, 2.0, None, 1000)
    assert (row.loss, row.machine, row.threads) == (1.25, "AMD EPYC, 2 cores", 2)
    table.write(path, [row])
    assert path.read_text() == HEADER + LINE


@pytest.mark.parametrize(
    ("content", "told_of"),
    [
        ("", "line 1"),
        (HEADER.replace("ratio", "speed"), "speed"),
        (HEADER + LINE.replace(",7,cpu", ",seven,cpu"), "seven"),
        (HEADER + LINE[:-1], "no end"),
    ],
)
def test_a_damaged_reference_is_told(tmp_path: Path, content: str, told_of: str) -> None:
    path = tmp_path / "conv.csv"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"conv\.csv is damaged") as caught:
        table.read(path)
    assert told_of in str(caught.value)


@pytest.mark.parametrize(
    ("now", "tolerance", "falls"),
    [(1.61, 0.2, False), (1.59, 0.2, True), (1.99, 0.0, True), (2.0, 0.0, False), (9, 0.0, False)],
)
def test_a_ratio_may_fall_by_the_tolerance(now: float, tolerance: float, falls: bool) -> None:
    verdict = compare([bench_row(ratio=now)], [bench_row(ratio=2.0)], tolerance)
    assert bool(verdict.slower) is falls
    assert verdict.compared == 1


@pytest.mark.parametrize(("now", "before", "noisy"), [(3, 3, False), (2, 7, True), (7, 1, True)])
def test_few_repeats_are_told(now: int, before: int, noisy: bool) -> None:
    verdict = compare([bench_row(repeats=now)], [bench_row(repeats=before)])
    assert verdict.noisy is noisy
    expected = ["check: fewer than 3 repeats, now or in the reference: ratios are noise"]
    assert told(verdict, 0.2)[:-1] == (expected if noisy else [])


def test_seconds_are_not_compared() -> None:
    slow, quick = bench_row(seconds=100.0), bench_row(seconds=1e-6)
    assert compare([slow], [quick]).slower == ()


def test_peers_may_fall() -> None:
    before = bench_row("nn.Conv channels_last", 1.0, keep=None)
    verdict = compare([replace(before, ratio=0.1)], [before])
    assert (verdict.slower, verdict.compared) == ((), 0)


@pytest.mark.parametrize(
    "other",
    [
        bench_row(command="step"),
        bench_row(case="layer 2"),
        bench_row("passband fft contiguous"),
        bench_row(keep=0.25),
        bench_row(dtype="bfloat16"),
    ],
    ids=("command", "case", "contender", "keep", "dtype"),
)
def test_rows_are_matched_on_what_they_measure(other: table.Row) -> None:
    verdict = compare([replace(other, ratio=0.1)], [bench_row()])
    assert (verdict.slower, verdict.compared) == ((), 0)
    assert [row.contender for row in verdict.new] == [other.contender]


def test_of_the_reference_only_measured_cases_are_missed() -> None:
    measured = bench_row()
    same = bench_row("passband fft contiguous")
    elsewhere = [bench_row(case="layer 2"), bench_row(command="step"), bench_row(dtype="bfloat16")]
    assert compare([measured], [measured, same, *elsewhere]).missing == (same,)


def test_the_message_names_rows() -> None:
    rows = [bench_row(ratio=1.0), bench_row(keep=0.25)]
    before = [bench_row(ratio=2.0, machine="other"), bench_row(keep=0.1, machine="other")]
    assert told(compare(rows, before, 0.2), 0.2) == [
        "check: the reference is of another machine: other",
        "check: 1 rows without counterpart in the reference:",
        "  conv, layer, passband auto contiguous, keep 0.25, float32",
        "check: 1 rows in the reference but not measured:",
        "  conv, layer, passband auto contiguous, keep 0.1, float32",
        "check: 1 of 1 ratios fell by more than 20%:",
        "  conv, layer, passband auto contiguous, keep 0.5, float32: 1.00, was 2.00 (-50%)",
    ]


def test_the_message_when_all_is_well_or_nothing_is_there() -> None:
    assert told(compare([bench_row()], [bench_row()]), 0.2) == [
        "check: none of 1 ratios fell by more than 20%"
    ]
    assert told(compare([bench_row()], []), 0.2)[-1] == "check: nothing could be compared"
