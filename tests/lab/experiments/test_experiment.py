"""Experiments as files: the checked-in ones, and a user's own."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import passband as pb
import passband.lab.experiments.experiment
from passband.lab import cli, data, models, papers
from passband.lab.experiments import Experiment, available, load
from passband.lab.studies import STUDIES, command

WHOLE = """
study: rates
about: "Two keeps"
paper: [icml-mnist, icml-svhn]
data: [mnist, svhn]
model: [lenet5]
recipe: icml
options:
  keep: [plain, 1, 0.25, .1]
  weight_decay: 0.0005
  lr: 1e-3
  augment: crop-flip
  early_stop: true
  resume: false
  validation: null
bundled:
  data: [digits]
  recipe: null
  options: {keep: [0.5], augment: null, epochs: 5}
"""

# Convolutions of the paper's networks: input channels and transform length.
RESNET = [(3, 128), *[(64, 64)] * 5, *[(128, 32)] * 4, *[(256, 16)] * 4, *[(512, 8)] * 3]


def densenet() -> list[tuple[int, int]]:
    """Growth 12, 1x1 convolutions included: 64 points for 32 samples, and 128 where a 3x3 pads."""
    layers, channels, side = [(3, 128)], 24, 32
    for count in (6, 12, 24, 16):
        for _ in range(count):
            layers += [(channels, 2 * side), (48, 4 * side)]
            channels += 12
        layers.append((channels, 2 * side))  # the transition, of which there is none at the end
        channels, side = channels // 2, side // 2
    return layers[:-1]


def measured(layers: list[tuple[int, int]], keep: float) -> float:
    """The share that is really kept, weighted by channels."""
    band, kept, whole = pb.Band(keep=keep, fft_size="reference"), 0, 0
    for channels, length in layers:
        m, _ = band.resolve((length, length))
        kept += channels * min(2 * m - 1, length) * m
        whole += channels * length * (length // 2 + 1)
    return kept / whole


def written(folder: Path, text: str) -> str:
    (folder / "mine.yaml").write_text(text)
    return str(folder / "mine.yaml")


def test_words_of_the_command_line(tmp_path: Path) -> None:
    mine = load(written(tmp_path, WHOLE))
    assert (mine.name, mine.study, mine.about) == ("mine", "rates", "Two keeps")
    assert mine.paper == ("icml-mnist", "icml-svhn")
    assert mine.arguments() == [
        "--data", "mnist", "svhn", "--model", "lenet5", "--recipe", "icml",
        "--keep", "plain", "1", "0.25", "0.1", "--weight-decay", "0.0005", "--lr", "1e-3",
        "--augment", "crop-flip", "--early-stop",
    ]  # fmt: skip
    assert mine.arguments(bundled=True) == [
        "--data", "digits", "--model", "lenet5",
        "--keep", "0.5", "--weight-decay", "0.0005", "--lr", "1e-3", "--early-stop",
        "--epochs", "5",
    ]  # fmt: skip


def test_what_is_left_out_is_the_studys(tmp_path: Path) -> None:
    mine = load(written(tmp_path, "study: rates\nabout: Nothing said\n"))
    assert mine.arguments() == []
    with pytest.raises(ValueError, match="experiment mine has no form with bundled data"):
        mine.arguments(bundled=True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("study: rates", "studdy: rates"), "unknown key 'studdy'.*did you mean 'study'?"),
        (("study: rates\n", ""), "study is missing"),
        (("about:", "name: x\nabout:"), "unknown key 'name'"),
        (("study: rates", "study: 3"), "study is a non-empty text; got 3"),
        (("recipe: icml", "recipe: [icml]"), r"recipe is a non-empty text; got \['icml'\]"),
        (("icml-svhn", "icml-svn"), "unknown paper 'icml-svn'.*did you mean 'icml-svhn'?"),
        (("[mnist, svhn]", "mnist"), "data is a list of names; got 'mnist'"),
        (("[mnist, svhn]", "[mnist, 3]"), "data is a list of names"),
        (("weight_decay: 0.0005", "weight_decay: {a: 1}"), "weight_decay is a text, a number or"),
        (("[plain, 1, 0.25, .1]", "[]"), r"keep is a text, a number or a list of them; got \[\]"),
        (("[plain, 1, 0.25, .1]", "[null]"), r"keep is a text, .* got \[None\]"),
        (("lr: 1e-3", "model: lenet5"), "an option is a word .* got 'model'"),
        (("lr: 1e-3", "--lr: 1"), "an option is a word .* without dashes, .* got '--lr'"),
        (("lr: 1e-3", "3: 1"), "without dashes, .* got 3"),
        (("{keep: [0.5], augment: null, epochs: 5}", "5"), "options are named values; got 5"),
        (("  recipe: null\n", "  recipes: null\n"), "key 'recipes'.*did you mean 'recipe'?"),
        (("  recipe: null\n", "  paper: [icml-mnist]\n"), "unknown key 'paper'"),
        (("bundled:\n", "bundled:\n- 1\n#"), None),
        (("study: rates", "study: {"), None),
    ],
)  # fmt: skip
def test_a_damaged_file_is_named(change: tuple[str, str], told: str | None, tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE.replace(*change))
    with pytest.raises(
        ValueError, match=f"{re.escape(path)} is (?:damaged|no experiment): .*{told or ''}"
    ):
        load(path)


def test_bundled_is_named_values(tmp_path: Path) -> None:
    path = written(tmp_path, "study: rates\nabout: x\nbundled: [digits]\n")
    with pytest.raises(ValueError, match=r"bundled is named values; got \['digits'\]"):
        load(path)


def test_an_unknown_name_is_refused_with_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'icml-mnists'.*did you mean 'icml-mnist'\?"):
        load("icml-mnists")
    with pytest.raises(FileNotFoundError, match=r"none\.yaml"):
        load(str(tmp_path / "none.yaml"))


def test_each_experiment_of_the_papers_is_there() -> None:
    folder = Path(passband.lab.experiments.experiment.__file__).parent
    assert {path.stem for path in folder.glob("*.yaml")} == set(available())
    assert len(available()) == 30
    images = {f"icml-{name}-{kind}" for name in ("cifar10", "cifar100")
              for kind in ("fixed", "energy", "cross", "resources")}  # fmt: skip
    assert images < set(available())
    of = {name: load(name) for name in available()}
    assert of["icml-cifar10-fixed"].paper == ("icml-cifar10-fixed",)
    assert of["icml-ucr"].model == ("fcn",)
    assert of["specnet-figure2"].study == "specnet-maps"
    for name in ("mnist", "cifar10", "svhn"):
        assert of[f"specnet-figure3-{name}"].data == (name,)
        assert of[f"specnet-figure3-{name}"].study == "specnet-beta"
        assert of[f"specnet-figure4-{name}"].study == "specnet-training"
    assert {one for each in of.values() for one in each.paper} >= {
        name for name in papers.available() if "cifar" in name
    }


def test_short_forms_have_data_that_ships_and_models_for_it() -> None:
    short = {name: load(name).bundled for name in available()}
    pairs = {(d, m) for one in short.values() if one for d in one.data for m in one.model}
    problems = {name: data.load(name) for name in {name for name, _ in pairs}}
    assert None not in short.values()
    for name, model in sorted(pairs):
        if model not in models.available():
            continue
        problem, given = problems[name], dict[str, Any]()
        assert models.dims(model) == len(problem.space)
        if "image_size" in models.options(model):
            given = {"image_size": problem.space}
        classes, channels = problem.num_classes, problem.in_channels
        with torch.device("meta"):
            models.create_model(model, num_classes=classes, in_channels=channels, **given)


@pytest.mark.parametrize("bundled", [False, True])
@pytest.mark.parametrize("name", [name for name in available() if load(name).study in STUDIES])
def test_its_words_are_a_study(
    name: str, bundled: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[Any] = []
    one = load(name)
    known = STUDIES[one.study]

    def run(study: Any, watch: Any = None) -> list[Any]:
        asked.append(study)
        return []

    monkeypatch.setitem(STUDIES, one.study, replace(known, run=run))
    for place in (cli, command):
        monkeypatch.setattr(place, "finish", lambda *told, **more: None)
    words = one.arguments(bundled)
    assert cli.main(["study", one.study, *words, "--out", "x"]) == 0, capsys.readouterr().err
    (config,) = asked
    form = one.bundled if bundled else one
    assert form is not None
    assert {base.data for base in config.base} == set(form.data)
    assert {base.model for base in config.base} == set(form.model)
    for option in known.options & set(form.options):
        got, given = getattr(config, option), form.options[option]
        assert set(given) <= set(got) if isinstance(given, list) else given == got
    told = {"epochs", "augment", "fft_size", "weight_decay", "validation"} & set(form.options)
    for base in config.base:
        assert {name: getattr(base, name) for name in told} == {
            name: form.options[name] for name in told
        }


def test_series_of_the_archive_are_those_of_the_table() -> None:
    known = {point.series for point in papers.load("icml-ucr")}
    assert {name.removeprefix("ucr:") for name in load("icml-ucr").data} == known


@pytest.mark.parametrize(
    ("name", "option", "layers"),
    [
        ("icml-cifar10-fixed", "keep", RESNET),
        ("icml-cifar10-cross", "test_keep", RESNET),
        ("icml-cifar10-resources", "keep", RESNET),
        ("icml-cifar100-fixed", "keep", densenet()),
        ("icml-cifar100-cross", "test_keep", densenet()),
        ("icml-cifar100-resources", "keep", densenet()),
    ],
)
def test_keeps_are_those_at_which_the_paper_measured(
    name: str, option: str, layers: list[tuple[int, int]]
) -> None:
    ours = [measured(layers, keep) for keep in load(name).options[option]]
    points = papers.load(load(name).paper[0])
    theirs = {p.x for p in points if p.metric in ("test_accuracy", "relative_memory")}
    for x in theirs:
        assert x is not None
        rounded = round(100 * x, 6).is_integer()  # printed as a whole percentage: 24 for 23.65
        assert min(abs(x - keep) for keep in ours) < (0.004 if rounded else 0.001)


def test_rates_that_the_paper_measured() -> None:
    table = papers.load("icml-measured-rate")
    for series, layers in (("ResNet-18", RESNET), ("DenseNet-121", densenet())):
        points = [point for point in table if point.series == series]
        assert len(points) >= 10
        for point in points:
            assert point.x is not None
            assert measured(layers, point.x) == pytest.approx(point.value, abs=1e-4)


def test_an_experiment_of_ones_own_making() -> None:
    one = Experiment(name="x", study="rates", about="y", options={"keep": (1, 0.5), "seeds": 2})
    assert one.arguments() == ["--keep", "1", "0.5", "--seeds", "2"]


def test_what_the_user_says_stands_in_place_of_the_experiments(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[Any] = []

    def run(study: Any, watch: Any = None) -> list[Any]:
        asked.append(study)
        return []

    monkeypatch.setitem(STUDIES, "rates", replace(STUDIES["rates"], run=run))
    for place in (cli, command):
        monkeypatch.setattr(place, "finish", lambda *told: None)
    words = ["study", "icml-cifar10-fixed", "--bundled", "--data", "digits", "--keep", ".3"]
    assert cli.main([*words, "--repeats", "0", "--seeds", "3", "--out", str(tmp_path)]) == 0
    (study,) = asked
    assert (study.keep, study.repeats, study.seeds) == ((None, 0.3), 0, 3)
    assert [(one.data, one.model) for one in study.base] == [("digits", "lenet5")]
    assert study.base[0].epochs == load("icml-cifar10-fixed").bundled.options["epochs"]  # type: ignore[union-attr]
    assert study.paper == ("icml-cifar10-fixed",)
