"""What the report of a conversion says, and that an example leaves no trace."""

from __future__ import annotations

import copy
import pickle
from fractions import Fraction

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from passband.band import count_all


class TwoInputs(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.wide = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.deep = nn.Conv2d(8, 4, 5, stride=2, padding=2)
        self.point = nn.Conv2d(4, 4, 1)
        self.up = nn.ConvTranspose2d(4, 2, 4, stride=2, padding=1)
        self.line = nn.Conv1d(2, 2, 7)

    def forward(self, x: Tensor, line: Tensor | None = None) -> Tensor:
        y: Tensor = self.up(self.point(self.deep(self.norm(self.wide(x)))))
        return y if line is None else y.mean() + self.line(line).mean()


def inputs() -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(2, 3, 20, 14), torch.randn(2, 2, 40)


def test_measured_keep_by_hand() -> None:
    model, band = TwoInputs(), pb.Band(keep=0.3)
    report = pb.convert_(model, band, example=inputs())
    # (channels in, transform lengths): map 20 x 14, padding 1, so L = n + 1; a stride of 2 whose
    # last tap reads sample 18 - 2 + 4 = 20 of 0..19, against two zeros before: L = n + 2; the
    # transposed layer's output is 20 x 14 again, which its adjoint (stride 2, 4 taps) reads from -1
    # to 18 - 1 + 3 = 20: L = n + 1; in 1D 40 samples without padding
    table = [(3, (21, 15)), (8, (22, 16)), (4, (21, 15)), (2, (40,))]
    kept = whole = Fraction(0)
    for channels, lengths in table:
        modes = band.resolve(lengths)
        bins, every = modes[-1], lengths[-1] // 2 + 1
        if len(lengths) == 2:
            bins *= min(2 * modes[0] - 1, lengths[0])
            every *= lengths[0]
        kept += channels * bins
        whole += channels * every
    assert report.keep_measured == pytest.approx(float(kept / whole), rel=1e-12)
    plans = [plan for row in report.converted for plan in row.plans]
    assert [plan.geometry.lengths for plan in plans] == [lengths for _, lengths in table]


def test_rows_and_text() -> None:
    model = TwoInputs()
    report = pb.convert_(
        model, pb.Band(keep=0.25), where=lambda n, _: n != "deep", plan="dft", example=inputs()
    )
    rows = [(r.name, r.before, r.after, r.band, r.channels, r.converted) for r in report.rows]
    assert rows == [
        ("wide", "Conv2d", "BandConv2d", "keep=0.25", 3, True),
        ("deep", "Conv2d", "Conv2d", "", 8, False),
        ("point", "Conv2d", "Conv2d", "", 4, False),
        ("up", "ConvTranspose2d", "BandConvTranspose2d", "keep=0.25", 4, True),
        ("line", "Conv1d", "BandConv1d", "keep=0.25", 2, True),
    ]
    assert report.converted + report.skipped == tuple(
        sorted(report.rows, key=lambda row: not row.converted)
    )
    assert report.keep_measured == pytest.approx((3 * 44 + 4 * 44 + 2 * 6) / (7 * 168 + 2 * 21))
    lines = str(report).splitlines()
    # of 21 x 8, 22 x 9, 21 x 8 and 21 bins stay 11 x 4 or (modes 6 and 4) 44 and 6; of mirrored
    # pairs among the 11 x 7 of a band only one is held, so (77 + 1) / 2 = 39 and 6, at 8 bytes for
    # each of 2 x 3, 2 x 4 and 2 x 2 maps, unless the map itself is smaller
    assert lines == [
        "layer  before -> after                         requested  measured  plan  holds",
        "wide   Conv2d -> BandConv2d                    keep=0.25  0.262     dft   1.8 KiB spectrum",  # noqa: E501
        "deep   Conv2d  left alone: where() said no",
        "point  Conv2d  left alone: kernel size 1 (pointwise=True converts it)",
        "up     ConvTranspose2d -> BandConvTranspose2d  keep=0.25  0.262     dft   2.2 KiB map",
        "line   Conv1d -> BandConv1d                    keep=0.25  0.286     dft   0.2 KiB spectrum",  # noqa: E501
        "3 of 5 convolutions are band-limited, keeping 26.3% of the coefficients",
    ]


@pytest.mark.parametrize("plan", ["fft", "dft", "spatial"])
def test_the_row_tells_what_the_layer_does(plan: str) -> None:
    model, (x, line) = TwoInputs(), inputs()
    report = pb.convert_(model, pb.Band(keep=0.3), plan=plan, example=(x, line))  # type: ignore[arg-type]
    row = report.rows[0]
    (seen,) = row.plans
    assert seen.way == plan
    assert isinstance(model.wide, pb.nn.BandConv2d)
    assert seen == model.wide.plan_for(x)
    held = pb.memory.saved(lambda: model.wide(x)).total
    assert seen.held_bytes == held


def test_an_example_may_be_a_tensor_a_tuple_or_a_list() -> None:
    x, line = inputs()
    alone = pb.convert_(TwoInputs(), pb.Band(keep=0.5), example=x)
    assert [len(row.plans) for row in alone.converted] == [1, 1, 1, 0]
    for example in ((x, line), [x, line]):
        report = pb.convert_(TwoInputs(), pb.Band(keep=0.5), example=example)
        assert [len(row.plans) for row in report.converted] == [1] * 4
        assert [row.plans for row in report.rows[:4]] == [row.plans for row in alone.rows[:4]]


def test_a_layer_called_by_keyword_is_seen() -> None:
    class Keyword(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(input=x)
            return y

    report = pb.convert_(Keyword(), pb.Band(keep=0.5), example=torch.randn(1, 3, 8, 8))
    assert len(report.rows[0].plans) == 1


def test_an_example_moves_no_statistics_and_no_mode_and_leaves_no_hook() -> None:
    model = TwoInputs().train()
    model.deep.eval()
    buffers = {name: b.clone() for name, b in model.named_buffers()}
    pb.convert_(model, pb.Band(keep=0.5), example=inputs())
    assert all(torch.equal(b, buffers[name]) for name, b in model.named_buffers())
    assert [m.training for m in model.modules()] == [m is not model.deep for m in model.modules()]
    assert all(not m._forward_pre_hooks for m in model.modules())
    assert all(p.grad is None for p in model.parameters())


def test_an_example_that_does_not_pass_leaves_the_model_as_it_was() -> None:
    model = TwoInputs().train()
    text = repr(model)
    pb.convert_(model.line, pb.Band(keep=0.5))
    with pytest.raises(RuntimeError, match=r"\(1, 5, 8, 8\)"):
        pb.convert_(model, pb.Band(keep=0.5), example=torch.randn(1, 5, 8, 8))
    assert type(model.line) is pb.nn.BandConv1d, "what was band-limited before still is"
    pb.revert_(model)
    assert repr(model) == text
    assert all(m.training for m in model.modules())
    assert all(not m._forward_pre_hooks for m in model.modules())


def test_without_an_example_sizes_are_not_known() -> None:
    report = pb.convert_(TwoInputs(), pb.Band(keep=0.5))
    assert not any(row.plans for row in report.rows)
    with pytest.raises(RuntimeError, match="example"):
        _ = report.keep_measured
    assert str(report).splitlines()[-1] == "4 of 5 convolutions are band-limited"


def test_keeping_everything_measures_one() -> None:
    report = pb.convert_(TwoInputs(), pb.Band(keep=1), example=inputs())
    assert report.keep_measured == 1
    assert all(row.plans[0].direct for row in report.converted)


def test_a_layer_that_the_example_does_not_reach_counts_for_nothing() -> None:
    x, line = inputs()
    whole = pb.convert_(TwoInputs(), pb.Band(keep=0.5), example=(x, line))
    alone = pb.convert_(TwoInputs(), pb.Band(keep=0.5), example=x)
    reached = [row for row in whole.converted if row.name != "line"]
    kept = sum(row.channels * row.plans[0].geometry.bins for row in reached)
    every = sum(row.channels * count_all(row.plans[0].geometry.lengths) for row in reached)
    assert alone.keep_measured == pytest.approx(kept / every, rel=1e-12)
    assert (whole.unreached, alone.unreached) == ((), ("line",))
    assert "the example did not reach: line" in str(alone)
    assert "did not reach" not in str(whole)
    assert pb.convert_(TwoInputs(), pb.Band(keep=0.5)).unreached == (), "no example, nothing known"


def test_a_layer_whose_weight_a_function_is_given_is_not_reached() -> None:
    """As in Mamba: the layer is never called, and its band does nothing."""

    class Borrowed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv1d(2, 2, 3)

        def forward(self, x: Tensor) -> Tensor:
            return nn.functional.conv1d(x, self.conv.weight, self.conv.bias)

    model, x = Borrowed(), torch.randn(1, 2, 16)
    report = pb.convert_(model, pb.Band(keep=0.5), example=x)
    assert report.unreached == ("conv",)
    with pb.bandlimited(pb.Band(keep=0.5)):
        assert torch.equal(model(x), model.conv(x))


def test_a_layer_that_is_passed_twice_is_counted_twice() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.conv(self.conv(x)[..., ::2, ::2])
            return y

    model = Twice()
    report = pb.convert_(model, pb.Band(keep=0.25), plan="dft", example=torch.zeros(1, 3, 16, 16))
    sizes = [plan.geometry.lengths for plan in report.rows[0].plans]
    assert sizes == [(17, 17), (9, 9)]
    held = pb.memory.saved(lambda: model(torch.zeros(1, 3, 16, 16, requires_grad=True))).total
    assert held == sum(plan.held_bytes for plan in report.rows[0].plans)
    assert "(2 passes)" in str(report)


def test_the_report_of_a_model_that_was_calibrated_or_made_so() -> None:
    model = TwoInputs()
    pb.convert_(model, pb.Band(energy=0.9), where=lambda name, _: name != "deep")
    with pytest.raises(RuntimeError, match=r"energy=0\.9"):
        pb.report(model, inputs())
    pb.set_band_(model, pb.Band(keep=0.5))
    report = pb.report(model, inputs())
    fresh = pb.convert_(
        TwoInputs(), pb.Band(keep=0.5), where=lambda name, _: name != "deep", example=inputs()
    )
    assert report.keep_measured == fresh.keep_measured
    assert [row.plans for row in report.rows] == [row.plans for row in fresh.rows]
    assert [row.band for row in report.rows] == [row.band for row in fresh.rows]


def test_a_model_without_a_convolution_is_said_to_have_none() -> None:
    assert str(pb.convert_(nn.Linear(2, 2), pb.Band(keep=0.5))) == "the model has no convolution"


def test_a_report_can_be_copied_and_pickled() -> None:
    report = pb.convert_(TwoInputs(), pb.Band(keep=0.5), example=inputs())
    assert copy.deepcopy(report) == report
    assert pickle.loads(pickle.dumps(report)) == report
    assert len({plan for row in report.rows for plan in row.plans}) == 4


class Squared(nn.Module):
    """Beside a convolution, functions that a memory policy does not know."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.conv(x).exp()
        return y.square().sum()


def test_what_a_memory_policy_does_not_know() -> None:
    model, x = Squared(), torch.randn(2, 3, 16, 16)
    report = pb.convert_(model, None, memory=pb.MemoryPolicy.exact(), example=x)
    # The result of exp is what both hold, and exp was first.
    assert report.left_alone == {"torch.Tensor.exp": 2 * 4 * 16 * 16 * 4}
    assert str(report).splitlines()[-1] == (
        "memory policy: exact; functions that it does not know hold 8.0 KiB: "
        "torch.Tensor.exp 8.0 KiB"
    )
    assert pb.convert_(nn.Conv2d(3, 4, 3), pb.Band(keep=0.5), example=x).left_alone == {}
