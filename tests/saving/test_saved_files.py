"""What is no saved model, or one of another architecture, is refused and changes nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from safetensors import safe_open
from torch import nn

import passband as pb
from passband.atomic import write_atomic
from passband.saving.file import digest

Change = Callable[[dict[str, Any]], object]


def network() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    model = network()
    pb.convert_(model, pb.Band(keep=0.5), memory=pb.MemoryPolicy.exact())
    pb.save(model, tmp_path / "net.safetensors", architecture={"name": "mine"})
    return tmp_path / "net.safetensors"


def refused(path: Path, told: str, model: nn.Module | None = None) -> None:
    """Loading raises and leaves a model, band-limited otherwise, as it is."""
    mine = network() if model is None else model
    pb.convert_(mine, pb.Band(keep=0.25), memory=pb.MemoryPolicy.bf16())
    pb.freeze_(mine)
    text, state = repr(mine), {k: v.clone() for k, v in mine.state_dict().items()}
    with pytest.raises(ValueError, match=told) as caught:
        pb.load_(mine, path)
    assert str(path) in str(caught.value)
    assert repr(mine) == text
    assert pb.report(mine).memory == pb.MemoryPolicy.bf16()
    after = mine.state_dict()
    assert all(torch.equal(after[k], v) and after[k].dtype == v.dtype for k, v in state.items())


def rewritten(path: Path, change: Change) -> None:
    """The same file with another description, and no JSON beside it."""
    with safe_open(path, framework="pt") as file:
        config = json.loads(file.metadata()["passband"])
    change(config)
    tensors = safetensors.torch.load_file(path)
    del config["sha256"]
    config["sha256"] = digest(config, tensors)
    safetensors.torch.save_file(tensors, path, {"passband": json.dumps(config)})
    path.with_suffix(".json").unlink(missing_ok=True)


LAYER = {"type": "Conv2d", "band": {"version": 1, "keep": 0.5}, "plan": "auto",
         "stride_mode": "sample"}  # fmt: skip
CHANGES: dict[str, tuple[Change, str]] = {
    "a later version": (lambda c: c.update(version=2, passband="9.0"), "version 2, of passband '9"),
    "a version that is true": (lambda c: c.update(version=True), "reads version 1"),
    "another entry": (lambda c: c.update(more=1), "a description has the entries layers, memory"),
    "no layers": (lambda c: c.pop("layers"), "a description has the entries"),
    "layers that are a list": (lambda c: c.update(layers=[]), r"layers is a JSON object; got \[\]"),
    "a layer that is a number": (lambda c: c["layers"].update({"0": 3}), "layer '0' is a JSON obj"),
    "a layer of other entries": (
        lambda c: c["layers"].update({"0": {**LAYER, "more": 1}}),
        "layer '0' has the entries type, band, plan, stride_mode",
    ),
    "a band out of range": (
        lambda c: c["layers"]["0"]["band"].update(keep=2),
        r"layer '0': keep lies in \(0, 1\]; got 2",
    ),
    "a band of other axes": (
        lambda c: c["layers"]["0"]["band"].update(keep=[0.5, 0.5, 0.5]), "3"
    ),
    "a plan that is none": (lambda c: c["layers"]["0"].update(plan="best"), "'best'"),
    "a plan that is a list": (lambda c: c["layers"]["0"].update(plan=[]), "plan is a text; got"),
    "a layer of another type": (
        lambda c: c["layers"]["0"].update(type="Conv1d"),
        "layer '0' is a Conv1d in it, here a Conv2d",
    ),
    "a layer more": (
        lambda c: c["layers"].update({"7": LAYER}),
        "another architecture: of the convolutions, the model lacks '7'",
    ),
    "a layer less": (
        lambda c: c["layers"].pop("2"), "another architecture: of the convolutions, it lacks '2'"
    ),
    "another policy": (
        lambda c: c["memory"][""].update(spectra="int4"),
        "memory policy of 'the model': MemoryPolicy: spectra is one of .* got 'int4'",
    ),
    "a policy of other entries": (
        lambda c: c["memory"][""].update(more=1), "memory policy of 'the model': .*'more'"
    ),
    "a policy of a module more": (
        lambda c: c["memory"].update({"tail": None}), "of the modules, the model lacks 'tail'"
    ),
    "an architecture that is a text": (
        lambda c: c.update(architecture="lenet5"), "architecture is a JSON object; got 'lenet5'"
    ),
    "a tensor tied to none": (lambda c: c.update(tied={"a": "b"}), "tied names are of tensors"),
    "a tensor tied to a list": (lambda c: c.update(tied={"a": []}), "tied names are of tensors"),
    "a tensor tied that is there": (
        lambda c: c.update(tied={"0.bias": "2.bias"}), "tied names are of tensors"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_description_that_does_not_do(path: Path, name: str) -> None:
    change, told = CHANGES[name]
    rewritten(path, change)
    refused(path, told)


def test_rewriting_alone_is_no_reason(path: Path) -> None:
    rewritten(path, lambda config: None)
    assert str(pb.load_(network(), path).converted[0].band) == "keep=0.5"


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (nn.Sequential(nn.Conv2d(2, 4, 5), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3)),
         r"tensor '0.weight' has shape \(4, 2, 3, 3\) in it, here \(4, 2, 5, 5\)"),
        (nn.Sequential(nn.Conv2d(2, 4, 3), nn.InstanceNorm2d(4, affine=True), nn.Conv2d(4, 2, 3)),
         "of the tensors, the model lacks '1.num_batches_tracked', '1.running_m"),
        (nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Conv1d(4, 2, 3)),
         "layer '2' is a Conv2d in it, here a Conv1d"),
    ],
)  # fmt: skip
def test_another_architecture(path: Path, model: nn.Module, told: str) -> None:
    refused(path, told, model)


def test_a_model_without_values(path: Path) -> None:
    with torch.device("meta"):
        model = network()
    lazy = nn.Sequential(nn.LazyConv2d(4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 3))
    for one, told in (
        (model, "got one on meta .* at '0.weight'"),
        (lazy, "UninitializedParameter"),
    ):
        with pytest.raises(ValueError, match=f"load_: .*{told}|Conv2d in it, here a LazyConv2d"):
            pb.load_(one, path)
        with pytest.raises(TypeError, match=f"save: .*{told}"):
            pb.save(one, path)


class Strange(nn.BatchNorm2d):
    """Fails after other layers have loaded."""

    def _load_from_state_dict(self, *args: Any, **options: Any) -> None:
        raise RuntimeError("not today")


def test_a_layer_that_fails_late_changes_nothing(path: Path) -> None:
    model = nn.Sequential(nn.Conv2d(2, 4, 3), Strange(4), nn.Conv2d(4, 2, 3)).bfloat16()
    refused(path, "the model does not take its tensors: not today", model)


def test_a_damaged_file(path: Path) -> None:
    whole = path.read_bytes()
    for content in (b"", whole[:-1], whole[:60], b"\xff" * 100, b"PK\3\4" + whole):
        path.write_bytes(content)
        refused(path, "net.safetensors: Error while deserializing header")


def test_a_turned_bit_of_a_weight(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    refused(path, "it is damaged: its SHA-256 is not that of what it holds")
    path.with_suffix(".json").unlink()
    refused(path, "it is damaged")


def test_a_digit_of_a_band_that_is_another(path: Path) -> None:
    content = path.read_bytes()
    assert content.count(b'keep\\": 0.5') == 2
    path.write_bytes(content.replace(b'keep\\": 0.5', b'keep\\": 0.4', 1))
    path.with_suffix(".json").unlink()
    refused(path, "it is damaged")


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", "[" * 5000, '"\\ud800"', "\x80"])
def test_a_json_of_anybody_else_is_not_read_and_not_overwritten(path: Path, text: str) -> None:
    beside, before = path.with_suffix(".json"), path.read_bytes()
    beside.write_bytes(text.encode("latin-1"))
    assert len(pb.load_(network(), path).converted) == 2
    with pytest.raises(ValueError, match=r"net\.json is not of a saved model"):
        pb.save(network(), path)
    assert (beside.read_bytes(), path.read_bytes()) == (text.encode("latin-1"), before)


def test_a_configuration_of_another_program_is_not_overwritten(tmp_path: Path) -> None:
    beside = tmp_path / "config.json"
    beside.write_text('{"version": 1, "layers": 3}')
    with pytest.raises(ValueError, match=r"config\.json is not of a saved model.*another name"):
        pb.save(network(), tmp_path / "config.safetensors")
    assert [*tmp_path.iterdir()] == [beside]
    assert beside.read_text() == '{"version": 1, "layers": 3}'


def test_a_crash_between_both_files(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new file is whole, and the JSON is of the save before."""
    beside = path.with_suffix(".json")
    old, model = beside.read_bytes(), network()

    def crashing(target: Path, content: bytes | str) -> None:
        if target == beside:
            raise OSError(28, "No space left on device", str(target))
        write_atomic(target, content)

    with monkeypatch.context() as patch:
        patch.setattr("passband.saving.file.write_atomic", crashing)
        with pytest.raises(OSError, match="No space left"):
            pb.save(model, path)
    assert beside.read_bytes() == old
    other = network()
    assert pb.load_(other, path).converted == ()
    assert torch.equal(other.state_dict()["0.weight"], model.state_dict()["0.weight"])
    pb.save(model, path)
    assert json.loads(beside.read_text())["layers"]["0"] == {"type": "Conv2d"}


def test_a_band_changed_by_hand_is_not_taken_for_the_saved_one(path: Path) -> None:
    beside = path.with_suffix(".json")
    beside.write_text(beside.read_text().replace('"keep": 0.5', '"keep": 0.25'))
    refused(path, r"net\.json was changed, and is not what is read")


def test_a_file_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    safetensors.torch.save_file(network().state_dict(), path)
    refused(path, "it was not written by passband.save, and says no bands")
    safetensors.torch.save_file(network().state_dict(), path, {"passband": "[" * 5000})
    refused(path, "a JSON object is expected")


@pytest.mark.parametrize("name", ["net.pt", "net", "net.json", ""])
def test_another_ending(name: str) -> None:
    for act in (pb.save, pb.load_):
        with pytest.raises(ValueError, match=r"a saved model is a file net\.safetensors; got"):
            act(network(), name)


def test_there_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.safetensors"):
        pb.load_(network(), tmp_path / "none.safetensors")
    with pytest.raises(OSError, match=r"away/net\.safetensors"):
        pb.save(network(), tmp_path / "away" / "net.safetensors")


class Counting(nn.Conv2d):
    def get_extra_state(self) -> object:
        return {"seen": 3}

    def set_extra_state(self, state: object) -> None:
        pass


def test_what_cannot_be_saved_leaves_the_old_file(path: Path) -> None:
    before = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    double = network()
    double.register_buffer("turn", torch.zeros(2, dtype=torch.complex128))
    sparse = network()
    sparse.register_buffer("few", torch.eye(3).to_sparse())
    for model, told in (
        (Counting(2, 2, 3), "a state is of plain tensors; got a dict at '_extra_state'"),
        (double, "safetensors cannot hold the state of this model: .*complex128"),
        (sparse, "layout torch.sparse_coo at 'few'"),
        (3, "save: the model is a torch.nn.Module; got int"),
    ):
        with pytest.raises(TypeError, match=told):
            pb.save(model, path)  # type: ignore[arg-type]
    for architecture in ({"of": {1, 2}}, {"of": float("nan")}):
        with pytest.raises(TypeError, match="the architecture is what JSON can say"):
            pb.save(network(), path, architecture=architecture)
    assert {file.name: file.read_bytes() for file in path.parent.iterdir()} == before


@pytest.mark.parametrize("missing", ["safetensors", "numpy"])
def test_the_extra_is_named(missing: str, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    told = rf"need {missing}: pip install 'passband\[safetensors\]'"
    with pytest.raises(ImportError, match=told):
        pb.save(network(), path)
    with pytest.raises(ImportError, match=told):
        pb.load_(network(), path)
