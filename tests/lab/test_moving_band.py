from pathlib import Path

import pytest
import torch

import passband as pb
from digits_run import config, weights
from passband.lab import data, models
from passband.lab.training import Result, train


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Result:
    out = tmp_path_factory.mktemp("run")
    return train(config(out, epochs=2, keep_start=0.05, keep=1.0))


def test_a_grown_run_is_tested_with_the_band_where_it_arrived(grown: Result) -> None:
    net = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    net.load_state_dict(weights(Path(grown.config.out)))  # at keep 1: the plain network
    inputs, labels = data.load("digits").test[:]
    with torch.no_grad():
        right = float((net(inputs).argmax(1) == labels).double().mean())
    assert grown.test_accuracy == pytest.approx(right, abs=1.5 / len(labels))
    assert grown.keep_measured == 1


def test_a_run_killed_after_its_end_has_that_band_too(grown: Result) -> None:
    table = Path(grown.config.out) / "results.csv"
    before = table.read_bytes()
    table.unlink()
    train(grown.config, resume=True)
    assert table.read_bytes() == before


def test_the_first_epoch_has_the_band_where_it_begins(tmp_path: Path) -> None:
    # One batch an epoch, so that the first loss is that of the initial weights.
    run = config(tmp_path, epochs=2, keep_start=0.05, keep=1.0, batch_size=2000)
    (loss, _) = train(run).train_loss
    torch.manual_seed(0)
    net = models.create_model("lenet5", num_classes=10, in_channels=1, image_size=8)
    inputs, labels = data.load("digits").train[:]
    with pb.bandlimited(pb.Band(keep=0.05)), torch.no_grad():
        wanted = torch.nn.functional.cross_entropy(net(inputs), labels)
    assert loss == pytest.approx(float(wanted), rel=1e-5)
