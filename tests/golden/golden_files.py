"""What a version of passband writes, and what is in it: files of each release for later ones.

    python tests/golden/golden_files.py

writes them to a folder named after this version, once. Numbers in the files are what this version
computes; a later one must read the files and come to the same.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

import passband as pb
from passband.lab import config, results
from passband.lab.files import write_yaml

HERE = Path(__file__).parent
LENGTHS = {1: (34,), 2: (34, 9), 3: (8, 6, 5)}  # of transforms, for each number of axes
BANDS = (
    (1, pb.Band(keep=0.3)), (2, pb.Band(keep=(0.5, 0.25))), (3, pb.Band(cutoff=0.4)),
    (2, pb.Band(modes=(3, 5), fft_size="fast")), (2, pb.Band(keep=0.25, fft_size="reference")),
    (2, pb.Band(energy=0.9, dynamic=True)),
)  # fmt: skip
RUN = config.TrainConfig(
    data="digits", model="lenet5", out="run", keep=0.5, epochs=2, batch_size=64, learning_rate=0.1,
    optimizer="sgd", momentum=0.9, schedule="cosine",
)  # fmt: skip
ROWS = (
    results.Row("rates", "digits", "lenet5", "plain", 0, 2, None, None, "test_accuracy", 0.75),
    results.Row("rates", "digits", "lenet5", "band", 1, None, 0.5, 0.515625, "saved_bytes", 4096.0),
    results.Row("specnet-beta", "digits", "spec_lenet5", "spec", 0, 1, None, None, "density", 0.25,
                beta=0.5),
)  # fmt: skip


def networks() -> dict[str, tuple[nn.Module, Tensor]]:
    """One small network for each kind of layer that has a state, and the shape of its input."""
    band = pb.Band(keep=0.4)
    maps = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1), nn.BatchNorm2d(4), nn.SiLU(),
        nn.Conv2d(4, 4, (3, 5), padding="same", groups=2, padding_mode="circular"), nn.SiLU(),
        nn.ConvTranspose2d(4, 2, 3, stride=2, output_padding=1, dilation=2),
    )  # fmt: skip
    series = nn.Sequential(nn.Conv1d(2, 3, 7, padding=3), nn.Tanh(), nn.ConvTranspose1d(3, 2, 4))
    volumes = nn.Sequential(nn.Conv3d(1, 2, 3, padding=1, bias=False), nn.ConvTranspose3d(2, 1, 2))
    for network in (maps, series, volumes):
        pb.convert_(network, band)
    spectra = nn.Sequential(
        pb.nn.ToSpectrum(margin=2), pb.nn.SpecBlock2d(2, 3, 3, beta=0.2, norm=True),
        pb.nn.SpecConv2d(3, 2, 3), pb.nn.ToSpace(),
    )  # fmt: skip
    return {
        "maps": (maps, torch.empty(2, 2, 12, 9)),
        "series": (series, torch.empty(2, 2, 20)),
        "volumes": (volumes, torch.empty(2, 1, 5, 6, 4)),
        "spectra": (spectra, torch.empty(2, 2, 8, 7)),
    }


def write(folder: Path) -> None:
    """Writes each kind of file."""
    described = [
        {"lengths": LENGTHS[axes], "band": band.to_dict(),
         "modes": None if band.energy else band.resolve(LENGTHS[axes])}
        for axes, band in BANDS
    ]  # fmt: skip
    (folder / "bands.json").write_text(json.dumps(described, indent=1) + "\n")
    torch.manual_seed(0)
    for name, (network, shape) in networks().items():
        x = torch.rand_like(shape)
        network(x)  # statistics of batch norms
        network.eval()
        tensors = {f"state.{key}": one for key, one in network.state_dict().items()}
        with torch.no_grad():
            save_file(tensors | {"input": x, "output": network(x)}, folder / f"{name}.safetensors")
        if name == "maps":
            pb.save(network, folder / "saved.safetensors")
    results.write(folder / "results.csv", ROWS)
    write_yaml(folder / "config.yaml", RUN.stored())


def main() -> int:
    """Writes the files of this version, unless there are some: they are what they were."""
    folder = HERE / pb.__version__
    try:
        folder.mkdir()
    except FileExistsError:
        print(f"{folder} is there: files of a release are never written again", file=sys.stderr)
        return 1
    write(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
