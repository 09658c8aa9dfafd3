import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import passband as pb
from digits_run import config, weights
from foolbox_or_skip import foolbox
from passband.lab import cli, data, models, overlay, report, results
from passband.lab.results import Row
from passband.lab.studies import task
from passband.lab.studies.attacks import AttacksConfig, attacks
from passband.lab.studies.attacks_checked import checks_table
from passband.lab.studies.attacks_shown import attacks_notes, attacks_tables
from spectral_run import base

SAMPLES = 40


def study(out: Path, **given: Any) -> AttacksConfig:
    settings: dict[str, Any] = {
        "keep": (0.25,), "seeds": 1, "samples": SAMPLES, "steps": 2, "epsilons": (0.01, 0.1),
        "attacks": ("fgsm", "pgd", "pixels"), "base": (config(out, epochs=1),),
    }  # fmt: skip
    return AttacksConfig(**{"out": str(out), **settings, **given})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    foolbox()
    out = tmp_path_factory.mktemp("study")
    attacks(study(out, energy=(0.9,)))
    return out


def values(rows: list[Row], metric: str, variant: str) -> dict[float | None, float]:
    return {row.at: row.value for row in rows if (row.metric, row.variant) == (metric, variant)}


def test_every_network_is_attacked(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    for variant in ("plain", "band", "energy 0.9"):
        for name in ("fgsm", "pgd", "pixels", "worst_linf", "worst"):
            assert set(values(rows, f"accuracy_{name}", variant)) == {0.01, 0.1}
        assert set(values(rows, "accuracy_by_pixels", variant)) == set(range(1, 11))
        assert set(values(rows, "accuracy_clean", variant)) == {None}
        assert set(values(rows, "median_l2_pixels", variant)) == {None}
        assert set(values(rows, "check_steps", variant)) == {1, 2, 4}
    assert not values(rows, "check_transfer", "plain")
    assert set(values(rows, "check_transfer", "band")) == {0.1}


@pytest.mark.parametrize(("variant", "name"), [("plain", "plain"), ("band", "keep0.25")])
def test_accuracies_are_those_of_the_trained_network(
    finished: Path, variant: str, name: str
) -> None:
    """One step of the gradient's sign, in the data's units and not in [0, 1]."""
    problem = data.load("digits")
    net = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    if variant == "band":
        pb.convert_(net, pb.Band(keep=0.25), example=problem.test[:2][0])
    net.load_state_dict(weights(finished / "runs" / f"digits-lenet5-{name}-seed0"))
    net.eval()
    count = len(problem.test[: 10**6][1])
    chosen = [at * count // SAMPLES for at in range(SAMPLES)]
    maps, labels = (torch.stack([problem.test[i : i + 1][n][0] for i in chosen]) for n in (0, 1))
    train = problem.train[:1000][0]
    low, high = train.min(), train.max()
    maps = maps.clamp(low, high)
    right = net(maps).argmax(1) == labels
    asked = maps.clone().requires_grad_(True)
    nn.functional.cross_entropy(net(asked), labels, reduction="sum").backward()
    assert asked.grad is not None
    changed = (maps + 0.1 * (high - low) * asked.grad.sign()).clamp(low, high)
    held = int((right & (net(changed).argmax(1) == labels)).sum())
    rows = results.read(finished / "results.csv")
    assert values(rows, "accuracy_clean", variant)[None] == pytest.approx(int(right.sum()) / 40)
    assert values(rows, "accuracy_fgsm", variant)[0.1] == pytest.approx(held / 40, abs=1e-6)


def test_a_finished_study_repeats_nothing(finished: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (finished / "results.csv").read_bytes()
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    attacks(study(finished, energy=(0.9,)))
    assert (finished / "results.csv").read_bytes() == before


def test_tables_and_page_show_them(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    accuracies, least, pixels, checks = attacks_tables(rows).values()
    assert accuracies[0] == ("attack", "network", "0", "0.01", "0.1")
    clean = values(rows, "accuracy_clean", "band")[None]
    fgsm = values(rows, "accuracy_fgsm", "band")
    shares = (clean, fgsm[0.01], fgsm[0.1])
    assert ("fgsm", "keep 0.25", *(f"{100 * one:.1f}" for one in shares)) in accuracies
    assert [line[0] for line in least] == ["median Euclidean norm", "pixels"]
    assert pixels[0][:3] == ("network", "0", "1")
    assert checks[0] == ("check", "plain", "keep 0.25", "energy 0.9")
    page = report.build(finished).read_text()
    for words in ("digits-lenet5-attack-fgsm", "digits-lenet5-attack-worst_linf"):
        assert (finished / "figures" / f"{words}.svg").exists()
    assert "attacked with 40 samples of the test set of digits" in page
    assert "1 random start;" in page
    for words in (
        "a fixed band;",
        "upper bound",
        "share of that range",
        "1/255",
        ">PASS",
        "26.5 %",
    ):
        assert words in page


def test_beside_the_papers_figures_are_one_step_and_pixels(finished: Path) -> None:
    rows = results.read(finished / "results.csv")
    found = overlay.measured(rows, "test_accuracy", "epsilon")
    assert set(found) == {
        "lenet5 digits plain", "lenet5 digits keep 0.25", "lenet5 digits energy 0.9"
    }  # fmt: skip
    line = values(rows, "accuracy_fgsm", "band")
    assert {x: y for x, y, _ in found["lenet5 digits keep 0.25"]} == line
    found = overlay.measured(rows, "test_accuracy", "pixels")
    assert len(found["lenet5 digits plain"]) == 10


def test_a_spectral_network_is_attacked_past_its_thresholds(tmp_path: Path) -> None:
    foolbox()
    told = study(tmp_path, base=(base(tmp_path),), attacks=("pgd", "pgd-bpda"))
    rows = attacks(told)
    assert {row.variant for row in rows} == {"spec"}
    names = {row.metric for row in rows if row.metric.startswith("accuracy_")}
    assert names == {
        "accuracy_clean", "accuracy_pgd", "accuracy_pgd-bpda", "accuracy_worst_linf",
        "accuracy_worst",
    }  # fmt: skip
    assert any("pgd-bpda" in note for note in attacks_notes(rows, {}))


class Rounding(nn.Sequential):
    def __init__(self, num_classes: int, in_channels: int) -> None:
        super().__init__(
            pb.nn.ColorDepth(2, -2.0, 2.0), nn.Conv2d(in_channels, 4, 3), nn.Flatten(),
            nn.Linear(144, num_classes),
        )  # fmt: skip


def test_what_an_attack_by_name_was_left_out_for_is_told(tmp_path: Path) -> None:
    foolbox()
    run = base(tmp_path, model=f"{__name__}:Rounding")
    told = study(tmp_path, base=(run,), attacks=("pgd-bpda", "pgd-eot"))
    rows = attacks(told)
    names = {row.metric for row in rows if row.metric.startswith("accuracy_")}
    assert "accuracy_pgd-bpda" in names
    assert "accuracy_pgd-eot" not in names
    (note,) = [one for one in attacks_notes(rows, told.to_dict()) if "left out" in one]
    assert "pgd-eot</b> is for networks that draw random numbers" in note
    assert f"plain of {run.model} on digits, keep 0.25 of" in note
    alone = [row for row in rows if row.metric in ("accuracy_clean", "looked")]
    assert not attacks_tables(alone)


def row(metric: str, value: float, at: float | None = None, seed: int = 0) -> Row:
    return Row("attacks", "d", "m", "plain", seed, 1, None, None, metric, value, at=at)


def checked(rows: list[Row]) -> dict[str, str]:
    return dict(line for line in checks_table(rows)[1:] if len(line) == 2)


def test_a_check_is_passed_or_failed_by_its_numbers() -> None:
    good = [
        *(row("check_loss", value, at) for at, value in ((0, 0.1), (1, 1.0), (2, 2.0))),
        *(row("check_steps", value, at) for at, value in ((1, 0.5), (4, 0.3), (8, 0.29))),
        row("check_large", 0.0, 0.5), row("check_noise", 0.9, 0.1),
        row("check_transfer", 0.3, 0.1), row("accuracy_fgsm", 0.5, 0.1),
        row("accuracy_pgd", 0.4, 0.1), row("median_l2_cw", 0.5), row("median_l2_boundary", 0.8),
        row("median_l2_deepfool", 0.49),
    ]  # fmt: skip
    assert checked(good) == {
        "loss rises": "PASS 0.1 → 2",
        "more steps help": "PASS 50.0 → 30.0",
        "steps are enough": "PASS 30.0 → 29.0",
        "pgd ≤ fgsm": "PASS 50.0 → 40.0",
        "0 at a large epsilon": "PASS 0.0",
        "noise ≥ pgd": "PASS 90.0 ≥ 30.0",
        "transfer ≥ pgd": "PASS 30.0 ≥ 30.0",
        "cw ≤ deepfool": "PASS 0.5, 0.49",
        "cw ≤ boundary": "PASS 0.5, 0.8",
    }
    bad = [
        *(row("check_loss", value, at) for at, value in ((0, 0.1), (1, 1.0), (2, 0.5))),
        *(row("check_steps", value, at) for at, value in ((1, 0.3), (4, 0.4), (8, 0.2))),
        row("check_large", 0.1, 0.5), row("check_noise", 0.3, 0.1),
        row("check_transfer", 0.2, 0.1), row("accuracy_fgsm", 0.3, 0.1),
        row("accuracy_pgd", 0.4, 0.1), row("median_l2_cw", 0.9), row("median_l2_boundary", 0.8),
        row("median_l2_deepfool", 0.8),
    ]  # fmt: skip
    assert [cell.partition(" ")[0] for cell in checked(bad).values()] == ["FAIL"] * 9
    second = [row("check_large", 0.25, 0.5, seed=1)]
    assert checked(good + second)["0 at a large epsilon"] == "FAIL 25.0 (1 of 2 seeds)"
    assert checks_table([row("accuracy_clean", 1.0)]) == []


def test_a_check_of_an_attack_that_did_nothing_says_nothing() -> None:
    idle = [
        *(row("check_steps", 0.9, at) for at in (1, 4, 8)), row("check_noise", 0.9, 0.1),
        row("check_transfer", 0.9, 0.1), row("accuracy_clean", 0.95),
        row("accuracy_fgsm", 0.95, 0.1), row("accuracy_pgd", 0.95, 0.1),
        row("median_l2_cw", float("inf")), row("median_l2_boundary", float("inf")),
    ]  # fmt: skip
    assert checked(idle) == {
        "more steps help": "says nothing 90.0 → 90.0",
        "steps are enough": "says nothing 90.0 → 90.0",
        "pgd ≤ fgsm": "says nothing 95.0 → 95.0",
        "noise ≥ pgd": "says nothing 90.0 ≥ 90.0",
        "transfer ≥ pgd": "says nothing 90.0 ≥ 90.0",
        "cw ≤ boundary": "says nothing inf, inf",
    }
    better = [row("check_steps", value, at, seed=1) for value, at in ((0.5, 1), (0.3, 4), (0.3, 8))]
    cells = checked([*idle, *better, row("check_noise", 0.9, 0.1, seed=1)])
    assert cells["more steps help"] == "PASS 50.0 → 30.0 (1 of 2 seeds)"


def test_chance_fails_no_check_of_a_random_network() -> None:
    rows = [
        *(row("check_steps", value, at) for at, value in ((1, 0.3), (4, 0.31), (8, 0.28))),
        row("check_noise", 0.9, 0.1), row("check_transfer", 0.29, 0.1),
        row("check_large", 0.02, 0.5),
    ]  # fmt: skip
    verdicts = [cell.split()[0] for cell in checked(rows).values()]
    assert verdicts == ["FAIL", "FAIL", "FAIL", "PASS", "FAIL"]
    cells = checked([*rows, row("check_chance", 0.015, 0.1)])
    assert [cell.split()[0] for cell in cells.values()] == ["PASS"] * 5
    assert cells["transfer ≥ pgd"] == "PASS 29.0 ≈ 31.0"


def test_the_strongest_gradients_stand_beside_one_step() -> None:
    rows = [
        row("accuracy_fgsm", 0.7, 0.1), row("accuracy_pgd", 0.9, 0.1),
        row("accuracy_pgd-bpda", 0.2, 0.1),
    ]  # fmt: skip
    assert checked(rows) == {"pgd ≤ fgsm": "PASS 70.0 → 20.0"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"attacks": ("fgsn",)}, "attacks is one of fgsm, .*; got 'fgsn'"),
        ({"attacks": ()}, "at least one"),
        ({"attacks": ("pgd", "pgd-eot")}, "pgd-eot is for networks that draw .* among lenet5; "),
        ({"attacks": ("pgd-bpda",)}, "pgd-bpda is for networks with thresholds or rounding"),
        ({"epsilons": ()}, "at least one"),
        ({"epsilons": (0.0,)}, "epsilons is finite and above 0; got 0.0"),
        ({"epsilons": (1.5,)}, "at most 1; got 1.5"),
        ({"steps": 0}, "steps is at least 1; got 0"),
        ({"restarts": 0}, "restarts is at least 1; got 0"),
        ({"energy": (2.0,)}, "energy lies in"),
    ],
)
def test_a_wrong_config_is_refused(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        study(tmp_path, **given)


def test_without_foolbox_there_is_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "foolbox", None)
    out = tmp_path / "run"
    words = ["study", "attacks", "--data", "digits", "--model", "lenet5", "--out", str(out)]
    assert cli.main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "foolbox" in line
    assert 'pip install "passband[attacks]"' in line
    assert not out.exists()
