import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import passband as pb
from digits_run import weights
from passband.lab import cli, data, models, report, results
from passband.lab.config import TrainConfig
from passband.lab.results import Row
from passband.lab.studies import task
from passband.lab.studies.dense import has_dense_blocks, memory_efficient
from passband.lab.studies.memory_methods import MethodsConfig, memory_methods
from passband.lab.studies.methods import METHODS, PAPER_ONLY
from passband.lab.studies.offload import HostOffloaded
from passband.memory.peak import held_bytes
from spectral_run import base

module = sys.modules[memory_methods.__module__]
EXACT = ("checkpoint", "offload", "exact")


def study(out: Path, **given: Any) -> MethodsConfig:
    return MethodsConfig(**{"out": str(out), "base": (base(out, "lenet5"),), "repeats": 1, **given})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    memory_methods(study(out))
    return out


@pytest.fixture(scope="module")
def rows(finished: Path) -> list[Row]:
    return results.read(finished / "results.csv")


def value(rows: list[Row], metric: str, method: str, model: str = "lenet5") -> float:
    (found,) = (r.value for r in rows if (r.metric, r.variant, r.model) == (metric, method, model))
    return found


def test_every_method_is_measured(rows: list[Row]) -> None:
    found = {(row.model, row.variant) for row in rows if row.metric == "saved_bytes"}
    plain = ("plain", "band", *EXACT)  # no dense blocks in LeNet-5
    assert found == {("lenet5", method) for method in plain} | {
        ("spec_lenet5", "spec"), ("spec_lenet5_bn", "spec_bn")
    }  # fmt: skip
    for model, method in found:
        held = value(rows, "saved_bytes", method, model)
        relative = value(rows, "relative_memory", method, model)
        assert relative == pytest.approx(held / value(rows, "saved_bytes", "plain"))
        assert value(rows, "peak_bytes", method, model) > 0
        assert value(rows, "step_ratio", method, model) > 0
        assert 0 < value(rows, "test_accuracy", method, model) < 1


def test_exact_methods_have_the_plain_networks_accuracy(rows: list[Row]) -> None:
    for method in EXACT:
        accuracy = value(rows, "test_accuracy", method)
        assert accuracy == value(rows, "test_accuracy", "plain")


@pytest.mark.parametrize(
    ("model", "method", "folder"),
    [
        ("lenet5", "plain", "plain"),
        ("lenet5", "exact", "plain"),
        ("lenet5", "band", "keep0.25"),
        ("spec_lenet5", "spec", "beta0.5"),
        ("spec_lenet5_bn", "spec_bn", "beta0.5"),
    ],
)
def test_bytes_are_those_that_the_library_counts(
    finished: Path, rows: list[Row], model: str, method: str, folder: str
) -> None:
    maps, labels = (part.clone() for part in data.load("digits").train[:256])
    net = models.create_model(model, num_classes=10, in_channels=1, image_size=8)
    if method == "band":
        pb.convert_(net, pb.Band(keep=0.25), example=maps[:2])
    net.load_state_dict(weights(finished / "runs" / f"digits-{model}-{folder}-seed0"))
    if method in ("exact", "band"):
        pb.convert_(net, None, memory=pb.MemoryPolicy.exact())
    counted = pb.memory.saved(lambda: nn.functional.cross_entropy(net(maps), labels)).total
    # Labels are there anyway, and are counted by the library alone.
    assert value(rows, "saved_bytes", method, model) == pytest.approx(
        counted - labels.nbytes, rel=0.02
    )


def test_offloading_leaves_next_to_nothing(rows: list[Row]) -> None:
    assert value(rows, "saved_bytes", "offload") < 0.02 * value(rows, "saved_bytes", "plain")
    assert value(rows, "peak_bytes", "offload") > 0.3 * value(rows, "peak_bytes", "plain")


def gradients(model: nn.Module, x: Tensor) -> list[Tensor]:
    model.zero_grad()
    model(x).square().mean().backward()
    return [p.grad.clone() for p in model.parameters() if p.grad is not None]


def test_offloading_changes_no_gradient() -> None:
    model = models.create_model("lenet5", num_classes=10, in_channels=1)
    x = torch.randn(4, 1, 28, 28)
    expected = gradients(model, x)
    for mine, its in zip(gradients(HostOffloaded(model), x), expected, strict=True):
        assert torch.equal(mine, its)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = gradients(model, x)
        for mine, its in zip(gradients(HostOffloaded(model), x), rough, strict=True):
            assert torch.equal(mine, its)


@pytest.mark.parametrize(
    ("name", "options"), [("densenet", {"depth": 22}), ("densenet_table1", {"growth": 8})]
)
def test_dense_layers_are_computed_again_and_the_same(name: str, options: dict[str, Any]) -> None:
    def build() -> nn.Module:
        torch.manual_seed(0)
        return models.create_model(name, num_classes=10, in_channels=3, **options)

    x = torch.randn(4, 3, 16, 16)
    plain, efficient = build(), memory_efficient(build())
    assert has_dense_blocks(build())
    torch.testing.assert_close(efficient(x), plain(x))
    theirs = sorted(gradients(plain, x), key=lambda g: (g.shape, g.sum().item()))
    mine = sorted(gradients(efficient, x), key=lambda g: (g.shape, g.sum().item()))
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)

    def held(model: nn.Module) -> int:
        return held_bytes(lambda: model(x).sum().grad_fn, x.device)

    assert held(efficient) < 0.8 * held(plain)


def test_the_papers_figures_are_those_of_its_table_2() -> None:
    # Relative memory on CIFAR-10: VGG, DenseNet.
    told = {method.whose: tuple(method.paper.values()) for method in METHODS if method.whose}
    told |= {name: tuple(figures.values()) for name, figures in PAPER_ONLY.items()}
    assert told == {
        "SpecNet": (0.37, 0.37), "InPlace-ABN": (0.52, 0.58), "vDNN": (0.38, 0.39),
        "Meng et al.": (0.65, 0.55), "memory-efficient DenseNet": (0.44,),
    }  # fmt: skip


def test_a_stopped_study_goes_on(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, measured = module._measured, list[str]()

    def stops(config: Any, book: Any, method: Any, runs: Any) -> Any:
        measured.append(method.name)
        if len(measured) == 3:
            raise InterruptedError
        return real(config, book, method, runs)

    monkeypatch.setattr(module, "_measured", stops)
    with pytest.raises(InterruptedError):
        memory_methods(study(tmp_path))
    monkeypatch.setattr(task, "train", lambda *a, **k: pytest.fail("was repeated"))
    rows = memory_methods(study(tmp_path))
    assert measured[2:4] == [measured[2]] * 2
    assert not set(measured[:2]) & set(measured[3:])
    untimed = ("saved_bytes", "peak_bytes", "test_accuracy", "relative_memory")
    whole = results.read(finished / "results.csv")
    assert [r for r in rows if r.metric in untimed] == [r for r in whole if r.metric in untimed]


def test_table_figure_and_page(finished: Path, rows: list[Row], tmp_path: Path) -> None:
    page = report.build(finished).read_text()
    (figure,) = (path.read_text() for path in (finished / "figures").iterdir())
    for words in ("recompute norm, activation", "offload", "spectral, beta 0.5", "measured here"):
        assert words in page
        assert words in figure
    assert "CIFAR-10" not in figure  # the paper has no figures for LeNet-5
    # With the same numbers under the name of a network that the paper has.
    named = {"lenet5": "vgg16", "spec_lenet5": "spec_vgg16", "spec_lenet5_bn": "spec_vgg16_bn"}
    results.write(tmp_path / "results.csv", [replace(row, model=named[row.model]) for row in rows])
    (tmp_path / "config.yaml").write_text((finished / "config.yaml").read_text())
    page = report.build(tmp_path).read_text()
    (lines,) = report.tables(tmp_path).values()
    of = {line[0]: (line[2], line[3]) for line in lines}
    assert lines[0][:4] == ("method", "held ÷ plain", "the paper's", "of")
    assert of["recompute norm, activation"] == ("0.52", "InPlace-ABN")
    assert of["plain"] == ("", "")
    assert of["not here"] == ("0.65", "Meng et al.")
    for words in ("the paper's, CIFAR-10", "vDNN", "Meng et al."):
        assert words in page


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"keep": ()}, r"keep is one; got \(\)"),
        ({"keep": (None,)}, "plain is always part"),
        ({"keep": (0.5, 0.25)}, "keep is one"),
        ({"keep": (1.5,)}, "got 1.5"),
        ({"seeds": 0}, "seeds is at least 1; got 0"),
        ({"repeats": 0}, "repeats is at least 1; got 0"),
    ],
)
def test_a_wrong_config_is_refused(tmp_path: Path, given: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        study(tmp_path, **given)


def test_a_spectral_network_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["study", "memory-methods", "--data", "digits", "--model", "spec_lenet5"]
    assert cli.main([*words, "--out", str(tmp_path / "run")]) == 2
    assert "is of plain networks" in capsys.readouterr().err
    banded = TrainConfig.recommended("digits", "lenet5", "x", keep=0.5)
    with pytest.raises(ValueError, match=r"keep 0\.5"):
        study(tmp_path, base=(banded,))
