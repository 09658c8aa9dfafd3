"""Files that each release wrote are read by this one, and mean what they meant."""

from __future__ import annotations

import json
from pathlib import Path

import golden_files
import pytest
import torch
from safetensors.torch import load_file

import passband as pb
from passband.lab import results
from passband.lab.files import read_yaml
from passband.lab.rundir import differences

RELEASES = sorted(path for path in golden_files.HERE.iterdir() if (path / "bands.json").exists())


def named(folder: Path) -> str:
    return folder.name


@pytest.fixture(params=RELEASES, ids=named)
def release(request: pytest.FixtureRequest) -> Path:
    folder: Path = request.param
    return folder


def test_this_version_has_its_files() -> None:
    """Unless it is in the making."""
    assert ".dev" in pb.__version__ or pb.__version__ in map(named, RELEASES)


def test_bands(release: Path) -> None:
    for entry in json.loads((release / "bands.json").read_text()):
        band = pb.Band.from_dict(entry["band"])
        assert band.to_dict() == entry["band"]
        if entry["modes"] is not None:
            assert list(band.resolve(entry["lengths"])) == entry["modes"]


@pytest.mark.parametrize("name", ["maps", "series", "volumes", "spectra"])
def test_a_state_dict_gives_the_same_outputs(release: Path, name: str) -> None:
    file = load_file(release / f"{name}.safetensors")
    network, _ = golden_files.networks()[name]
    state = {key.removeprefix("state."): one for key, one in file.items() if "state." in key}
    network.load_state_dict(state, strict=True)
    torch.testing.assert_close(network.eval()(file["input"]), file["output"], rtol=1e-5, atol=1e-5)


def test_a_saved_model_brings_its_bands(release: Path) -> None:
    file = load_file(release / "maps.safetensors")
    network, _ = golden_files.networks()["maps"]
    pb.revert_(network)
    pb.load_(network, release / "saved.safetensors")
    torch.testing.assert_close(network.eval()(file["input"]), file["output"], rtol=1e-5, atol=1e-5)


def test_results(release: Path) -> None:
    assert tuple(results.read(release / "results.csv")) == golden_files.ROWS


def test_a_run_directory_is_still_that_run(release: Path) -> None:
    """So its study goes on where it stopped."""
    assert differences(read_yaml(release / "config.yaml"), golden_files.RUN.stored()) == []
