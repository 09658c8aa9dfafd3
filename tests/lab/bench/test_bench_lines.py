from bench_row import bench_row
from passband.lab.bench.curves import draw
from passband.lab.bench.lines import legend, lines
from passband.lab.bench.row import Row

PLAIN = [
    bench_row("nn.Conv contiguous", 0.8, keep=None, peak=4 * 2**20),
    bench_row("nn.Conv channels_last", 1.0, keep=None, peak=2**20),
]
OURS = [
    bench_row("passband auto contiguous", 3.0, peak=2**21, way="dft", loss=1.25),
    bench_row("passband auto channels_last", 2.0, peak=2**20, way="dft", loss=1.0),
    bench_row("passband fft contiguous", 3.75),
    bench_row("passband fft channels_last", 1.5),
    bench_row("passband fused contiguous", 2.5),
    bench_row("passband auto contiguous", 4.0, keep=0.25, way="fft", loss=1.0),
]


def nothing_asked(row: Row) -> tuple[float | None, float | None]:
    return None, None


def test_a_line_for_each_case_and_keep() -> None:
    peer = bench_row("fft-conv-pytorch contiguous", 0.5, keep=None)
    headings, *body = lines([*PLAIN, *OURS, peer], nothing_asked)
    assert headings == (
        "case", "keep", "nn.Conv ms", "auto", "auto ch.last", "fft", "fused", "fft-conv-pytorch",
        "way", "loss", "× floor", "peak MiB", "÷ plain",
    )  # fmt: skip
    assert body == [
        ("layer", "0.5", "12 ch.last", "3.00", "2.00", "3.75", "2.50", "0.50",
         "dft", "+25%", "4", "2", "2.00"),
        ("layer", "0.25", "12 ch.last", "4.00", "", "", "", "0.50",
         "fft", "+0%", "4", "", ""),
    ]  # fmt: skip


def test_every_heading_is_explained_but_case_and_times_and_peers() -> None:
    headings = lines([*PLAIN, *OURS], lambda row: (5.0, 3.0))[0]
    told = {
        name for part in legend(headings).split("; ") for name in part.split(":")[0].split(", ")
    }
    assert told == {*headings} - {"case", "nn.Conv ms"}


def test_what_is_reached_has_a_tick() -> None:
    def asked(row: Row) -> tuple[float | None, float | None]:
        return (5.0, 3.0) if row.keep == 0.5 else (None, 4.5)

    headings, *body = lines([*PLAIN, *OURS], asked)
    at = headings.index("goal"), headings.index("must")
    assert [tuple(line[i] for i in at) for line in body] == [("5", "3 ✓"), ("", "4.5")]


def test_a_crossover_figure_needs_two_keeps() -> None:
    drawn = draw([*PLAIN, *OURS])
    assert list(drawn) == ["conv-small-float32-crossover"]
    (svg,) = drawn.values()
    assert "nn.Conv" in svg
    assert "layer" in svg
    assert draw([*PLAIN, OURS[0]]) == {}


def test_many_cases_are_many_figures() -> None:
    rows = [
        bench_row(ratio=2.0, case=f"layer {i}", keep=keep) for i in range(9) for keep in (0.5, 0.1)
    ]
    assert list(draw(rows)) == [f"conv-small-float32-crossover-{n}" for n in (1, 2)]


def test_growth_is_a_figure_for_each_axis() -> None:
    rows = [
        bench_row(contender, case=case, group="growth", keep=keep)
        for case in ("size 8", "size 16", "batch 1", "batch 4", "keep")
        for contender, keep in (("nn.Conv contiguous", None), ("passband auto contiguous", 0.25))
    ]
    assert list(draw(rows)) == ["conv-growth-float32-size", "conv-growth-float32-batch"]
