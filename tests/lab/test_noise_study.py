"""Networks tested in noise, against the same done by hand."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import passband as pb
from digits_run import config, weights
from passband.lab import data, loop, models, overlay, report, results
from passband.lab.callback import Callback
from passband.lab.data import gather, size, whole
from passband.lab.data.extent import extent
from passband.lab.data.noise import NOISES
from passband.lab.loop import Loop
from passband.lab.results import Row
from passband.lab.studies import task
from passband.lab.studies.noise import NoiseConfig, noise
from passband.lab.studies.noise_shown import noise_tables
from passband.lab.studies.strength_shown import crossing, lines
from passband.lab.training import train


def study(out: Path, **given: Any) -> NoiseConfig:
    settings = {"keep": (0.25,), "noises": ("gaussian", "uniform"), "strengths": (0.0, 0.5),
                "seeds": 1, "samples": 50}  # fmt: skip
    return NoiseConfig(**{"out": str(out), "base": (config(out, epochs=1),), **settings, **given})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    noise(study(out))
    return out


@pytest.mark.parametrize(("name", "keep"), [("plain", None), ("keep0.25", 0.25)])
@pytest.mark.parametrize("kind", ["gaussian", "uniform"])
def test_accuracy_is_that_of_the_weights_in_noise(
    finished: Path, name: str, keep: float | None, kind: str
) -> None:
    digits = data.load("digits")
    maps, labels = gather(digits.test, [n * size(digits.test) // 50 for n in range(50)])
    net = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    net.load_state_dict(weights(finished / "runs" / f"digits-lenet5-{name}-seed0"))
    if keep is not None:
        pb.convert_(net, pb.Band(keep=keep))
    with torch.no_grad():
        found = net(NOISES[kind](maps, 0.5, 0, extent(digits))).argmax(1)
    (row,) = [
        row for row in results.read(finished / "results.csv")
        if (row.keep, row.metric, row.at) == (keep, f"accuracy_{kind}", 0.5)
    ]  # fmt: skip
    assert row.value == pytest.approx((found == labels).double().mean().item(), abs=1.5 / 50)


def test_a_stopped_study_goes_on(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: float, doing: str) -> None:
        if done > 0.9 and doing.endswith("in noise"):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        noise(study(tmp_path), stop)
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    assert noise(study(tmp_path)) == results.read(finished / "results.csv")


def test_the_page_shows_each_noise(finished: Path) -> None:
    page = report.build(finished).read_text()
    assert page.count("<svg") == 2
    tables = noise_tables(results.read(finished / "results.csv"))
    assert [lines_[0][3:5] for lines_ in tables.values()] == [("0", "0.5")] * 2


def row(keep: float | None, at: float, value: float, seed: int = 0) -> Row:
    variant = "plain" if keep is None else "band"
    return Row("noise", "d", "m", variant, seed, 1, keep, keep, "accuracy_gaussian", value, at=at)


def test_a_crossing_is_where_straight_lines_meet() -> None:
    plain = ((0, 0.9), (1, 0.8), (2, 0.2))
    rows = [row(None, at, value) for at, value in plain]
    rows += [row(0.5, at, value) for at, value in ((0, 0.8), (1, 0.7), (2, 0.5))]
    rows += [row(0.25, at, value) for at, value in ((0, 0.95), (1, 0.85), (2, 0.3))]
    rows += [row(0.1, at, value) for at, value in ((0, 0.5), (1, 0.9), (2, 0.1))]
    found = lines(rows)
    # Gains are -.1, -.1, .3: from 1 on it gains .4 in a step, and is even after a quarter.
    assert crossing(found["keep 0.5"], found["plain"]) == pytest.approx(1.25)
    assert crossing(found["keep 0.25"], found["plain"]) == 0
    assert crossing(found["keep 0.1"], found["plain"]) is None  # it ends below
    table = next(iter(noise_tables(rows).values()))
    assert [line[2] for line in table] == ["above plain from", "", "1.3", "0", "never"]


def test_noise_in_training_is_of_its_deviation(tmp_path: Path) -> None:
    class See(Callback):
        def on_start(self, loop: Loop) -> None:
            loop.model.register_forward_pre_hook(
                lambda module, args: self.seen.append(args[0]) if module.training else None
            )

        def __init__(self) -> None:
            self.seen: list[torch.Tensor] = []

    maps = []
    for sigma in (0.0, 0.5):
        see = See()
        train(config(tmp_path / f"{sigma}", epochs=1, noise=sigma), callbacks=[see])
        maps.append(torch.cat(see.seen))
    added = maps[1] - maps[0]
    assert added.std().item() == pytest.approx(0.5, rel=0.01)
    assert added.mean().item() == pytest.approx(0, abs=0.01)


def test_networks_trained_in_noise_are_named(tmp_path: Path) -> None:
    rows = noise(study(tmp_path, noises=("gaussian",), train_noise=(0.0, 0.5)))
    tables = noise_tables(rows)
    (table,) = tables.values()
    assert [line[0] for line in table] == ["network", "plain", "keep 0.25", "plain +0.5",
                                           "keep 0.25 +0.5"]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"noises": ("pink",)}, "noises is one of .*; got 'pink'"),
        ({"noises": ()}, "one or more; got none"),
        ({"strengths": (-1.0,)}, "strengths is finite and at least 0; got -1.0"),
        ({"noises": ("gaussian", "blur")}, "strengths are of one unit, but gaussian, blur have 2"),
        (
            {"noises": ("pixels",), "strengths": (0.5, 1.5)},
            r"at most 1; got strengths \(0.5, 1.5\)",
        ),
        ({"samples": 0}, "samples is at least 1; got 0"),
        ({"seeds": 0}, "seeds is at least 1; got 0"),
    ],
)
def test_a_wrong_config_is_refused(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        study(tmp_path, **given)


def test_noise_of_a_run_is_checked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"noise is finite and at least 0; got -0\.5"):
        replace(config(tmp_path), noise=-0.5)


def test_the_papers_figure_is_drawn_beside(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    beside = overlay.beside({"paper": ["icml-noise-gaussian"]}, rows)
    (drawn,) = beside[overlay.TITLE]
    assert "and what was measured here" in drawn.alt
    found = overlay.measured(rows, "test_accuracy", "sigma")
    by_hand = {(r.keep, r.at): r.value for r in rows if r.metric == "accuracy_gaussian"}
    assert found == {
        f"lenet5 digits {name}": [(at, by_hand[keep, at], 0.0) for at in (0.0, 0.5)]
        for name, keep in (("plain", None), ("keep 0.25", 0.25))
    }


def test_each_noise_has_its_own_strengths(tmp_path: Path) -> None:
    rows = noise(study(tmp_path, noises=("pixels", "blur"), strengths=(), samples=10, keep=(None,)))
    for kind in ("pixels", "blur"):
        found = [row.at for row in rows if row.metric == f"accuracy_{kind}"]
        assert found == list(NOISES[kind].strengths)
    assert {row.keep for row in rows} == {None}


def test_a_spectral_network_is_tested_in_noise(tmp_path: Path) -> None:
    base = replace(config(tmp_path, epochs=1, limit=100), model="spec_lenet5")
    rows = noise(study(tmp_path, base=(base,), keep=(None, 0.5)))
    assert {row.variant for row in rows} == {"spec"}
    assert len([row for row in rows if row.metric == "accuracy_gaussian"]) == 2


def test_noise_in_training_may_be_of_any_kind(tmp_path: Path) -> None:
    class See(Callback):
        def __init__(self) -> None:
            self.seen: list[torch.Tensor] = []

        def on_start(self, loop: Loop) -> None:
            loop.model.register_forward_pre_hook(
                lambda module, args: self.seen.append(args[0]) if module.training else None
            )

    see = See()
    run = config(tmp_path, epochs=1, noise=0.4, noise_kind="salt-pepper", limit=500)
    train(run, callbacks=[see])
    maps = torch.cat(see.seen)
    spread = extent(data.load("digits"))
    ends = (maps == spread.high) | (maps == spread.low)
    clean = whole(data.load("digits").limited(500).train)[0]
    already = ((clean == spread.high) | (clean == spread.low)).double().mean().item()
    assert ends.double().mean().item() == pytest.approx(0.4 + 0.6 * already, abs=0.02)
    with pytest.raises(ValueError, match=r"noise 'pixels' is a share; got 1\.5"):
        config(tmp_path, noise=1.5, noise_kind="pixels")


def test_without_noise_no_sample_is_read_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "extent", lambda loaded: pytest.fail("was read"))
    train(config(tmp_path, epochs=1, limit=50))
