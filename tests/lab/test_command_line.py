import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from passband.lab import cli, results
from passband.lab.config import TrainConfig
from passband.lab.studies import STUDIES, command

TRAIN = ["train", "--data", "digits", "--model", "lenet5"]
STUDY = ["study", "rates", "--data", "digits", "--model", "lenet5"]


def caught(monkeypatch: pytest.MonkeyPatch, name: str) -> list[Any]:
    """What a study is asked to do, which it does not do."""
    asked: list[Any] = []

    def run(study: Any, watch: Any = None) -> list[Any]:
        asked.append(study)
        return []

    monkeypatch.setitem(STUDIES, name, replace(STUDIES[name], run=run))
    for place in (cli, command):
        monkeypatch.setattr(place, "finish", lambda *given, **more: None)
    return asked


def in_new_process(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["fly"], "fly"),
        (["train"], "--data, --model, --out"),
        ([*TRAIN], "--out"),
        ([*TRAIN, "--out", "OUT", "--keep", "2"], "keep lies in (0, 1]; got 2.0"),
        ([*TRAIN, "--out", "OUT", "--keep", "0"], "got 0.0"),
        ([*TRAIN, "--out", "OUT", "--keep", "nan"], "got nan"),
        ([*TRAIN, "--out", "OUT", "--keep", "most"], "'most'"),
        ([*TRAIN, "--out", "OUT", "--epochs", "0"], "epochs is at least 1; got 0"),
        ([*TRAIN, "--out", "OUT", "--epochs", "1.5"], "1.5"),
        ([*TRAIN, "--out", "OUT", "--batch-size", "-3"], "batch_size is at least 1; got -3"),
        ([*TRAIN, "--out", "OUT", "--lr", "0"], "learning_rate is finite and above 0"),
        ([*TRAIN, "--out", "OUT", "--optimizer", "sdg"], "sdg"),
        ([*TRAIN, "--out", "OUT", "--plan", "fastest"], "fastest"),
        ([*TRAIN, "--out", "OUT", "--seed", "-1"], "seed is at least 0 and at most"),
        ([*TRAIN, "--out", "OUT", "--seed", "99999999999999999999"],
         "seed is at least 0 and at most 4294967295; got 99999999999999999999"),
        ([*TRAIN, "--out", "OUT", "--devices", "two"], "'two'"),
        ([*TRAIN, "--out", "OUT", "--accelerator", "abacus"], "abacus"),
        ([*TRAIN, "--out", "OUT", "--strategy", "hope"], "hope"),
        ([*TRAIN, "--out", "OUT", "--precision", "31"], "31"),
        ([*TRAIN, "--out", "OUT", "--resume"], "OUT/last.ckpt"),
        ([*TRAIN, "--out", "/dev/null/run", "--epochs", "1"], "/dev/null/run"),
        ([*TRAIN, "--out", "OUT", "--root", "/nowhere"], "/nowhere"),
        ([*TRAIN, "--out", "OUT", "--data", "mnist"], "unknown data 'mnist'"),
        ([*TRAIN, "--out", "OUT", "--model", "lenet"], "unknown model 'lenet'"),
        (["study", "rate", *STUDY[2:], "--out", "OUT"],
         "unknown study 'rate'; there is " + ", ".join(STUDIES)),
        ([*STUDY, "--out", "OUT", "--beta", ".5"],
         "study rates takes no --beta; beside data, models and how they are trained it takes "
         "--keep, --energy, --seeds, --repeats"),
        (["study", "resources", "--out", "OUT", "--epochs", "3", "--lr", ".1", "--jobs", "2"],
         "study resources takes no --epochs, --learning-rate, --jobs"),
        (["study", "icml-cifar10-fixed", "--out", "OUT"],
         "experiment icml-cifar10-fixed is of cifar10: say where that is with --data-dir, or "
         "--bundled runs it in minutes on mnist-5k"),
        (["study", "specnet-training", "--out", "OUT", "--fft-size", "fast"],
         "model 'spec_lenet5' is spectral: plan and fft_size are of band convolutions"),
        ([*STUDY, "--out", "OUT", "--maps", "3", "--channels", "3"], "no --maps, --channels"),
        (["study", "specnet-beta", "--out", "OUT", "--keep", ".5"], "takes no --keep"),
        (["study", "specnet-beta", "--out", "OUT", "--plan", "dft"], "takes no --plan"),
        (["study", "specnet-beta", "--out", "OUT", "--beta", "-1"], "finite and at least 0"),
        (["study", "specnet-beta", "--out", "OUT", "--model", "lenet5"],
         "study specnet-beta is of spectral networks"),
        (["study", "specnet-training", "--out", "OUT", "--model", "vgg16"],
         "study specnet-training is of spectral networks"),
        (["study", "specnet-maps", "--out", "OUT", "--seeds", "2"], "takes no --seeds"),
        (["study", "specnet-maps", "--out", "OUT", "--channels", "0"], "channels is at least 1"),
        (["study", "attacks", "--out", "OUT", "--attacks", "fgsn"], "one of fgsm, pgd, pgd-margin"),
        (["study", "attacks", "--out", "OUT", "--epsilons", "2"], "at most 1; got 2.0"),
        (["study", "memory-methods", "--out", "OUT", "--beta", "1"], "takes no --beta"),
        (["study", "memory-methods", "--out", "OUT", "--keep", "plain"], "plain is always part"),
        (["study", "compaction", "--out", "OUT", "--keep", ".5"], "takes no --keep"),
        (["study", "compaction", "--out", "OUT", "--fractions", "2"], "2"),
        ([*STUDY, "--out", "OUT", "--seeds", "0"], "seeds is at least 1; got 0"),
        ([*STUDY, "--out", "OUT", "--keep", "1", "1.5"], "got 1.5"),
        ([*STUDY, "--out", "OUT", "--data", "mnist-5k", "ucr:GunPoint", "--model", "fcn"],
         "digits mnist-5k ucr:GunPoint"),
        ([*STUDY, "--data", "digits", "--out", "OUT"], "once"),
        ([*STUDY, "--out", "OUT", "--root", "/x"], "'digits' ships in a package"),
        ([*TRAIN, "--out", "OUT", "--data", "ucr:GunPoint"], "'lenet5' is for images"),
        ([*TRAIN, "--out", "OUT", "--model", "fcn"], "'fcn' is for series"),
        ([*TRAIN, "--out", "OUT", "--model", "unet"], "'unet' returns logits for each pixel"),
        (["study", "rates", "--data", "digits", "--model", "lenet5", "unet", "--out", "OUT"],
         "'unet' returns logits for each pixel"),
        (["report", "OUT"], "OUT/results.csv"),
        (["demo", "--out", "/dev/null/run"], "/dev/null/run"),
    ],
)  # fmt: skip
def test_a_users_error_is_one_line_and_leaves_nothing(
    words: list[str], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert cli.main([word.replace("OUT", str(out)) for word in words]) == 2
    shown = capsys.readouterr()
    (line,) = shown.err.splitlines()
    assert line.startswith("passband: error: ")
    assert told.replace("OUT", str(out)) in line
    assert "Traceback" not in shown.out
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "pairs", "keep"),
    [
        (["--data", "digits", "--model", "lenet5"], [("digits", "lenet5")],
         (None, 1.0, 0.75, 0.5, 0.25, 0.1)),
        (["--data", "digits", "--model", "lenet5", "--keep", "plain", "1", ".5"],
         [("digits", "lenet5")], (None, 1.0, 0.5)),
        (["--keep", ".1", "--data", "digits", "--model", "lenet5", "--keep", "1"],
         [("digits", "lenet5")], (None, 0.1, 1.0)),
        (["--data", "mnist-5k", "ucr:GunPoint", "--model", "lenet5", "fcn"],
         [("mnist-5k", "lenet5"), ("ucr:GunPoint", "fcn")], (None, 1.0, 0.75, 0.5, 0.25, 0.1)),
        (["--data", "mnist-5k", "--model", "lenet5", "--data", "ucr:GunPoint", "--model", "fcn"],
         [("mnist-5k", "lenet5"), ("ucr:GunPoint", "fcn")], (None, 1.0, 0.75, 0.5, 0.25, 0.1)),
        (["--data", "ucr:GunPoint", "ucr:ArrowHead", "--model", "fcn", "--keep", "plain"],
         [("ucr:GunPoint", "fcn"), ("ucr:ArrowHead", "fcn")], (None,)),
    ],
)  # fmt: skip
def test_a_study_is_read_from_the_words(
    words: list[str],
    pairs: list[tuple[str, str]],
    keep: tuple[float | None, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = caught(monkeypatch, "rates")
    assert cli.main(["study", "rates", *words, "--out", "run", "--seeds", "3"]) == 0
    (study,) = asked
    assert [(base.data, base.model) for base in study.base] == pairs
    assert study.keep == keep
    assert (study.out, study.seeds) == ("run", 3)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_needs_no_more_than_its_directory(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = caught(monkeypatch, name)
    assert cli.main(["study", name, "--out", "run"]) == 0
    (config,) = asked
    study = STUDIES[name]
    assert isinstance(config, study.config)
    assert tuple((base.data, base.model) for base in config.base) == study.pairs
    for base in config.base:
        assert base.epochs == study.recipe.get("epochs", base.epochs)


def test_the_options_of_a_study_are_the_fields_of_its_config(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = caught(monkeypatch, "specnet-beta")
    words = "--data digits --model spec_vgg16_bn --beta .5 .75 --beta 1 --seeds 3 --epochs 9"
    assert cli.main(["study", "specnet-beta", *words.split(), "--out", "run"]) == 0
    (config,) = asked
    assert (config.beta, config.seeds, config.out) == ((0.5, 0.75, 1.0), 3, "run")
    (base,) = config.base
    assert (base.data, base.model, base.epochs) == ("digits", "spec_vgg16_bn", 9)


def test_a_root_is_for_the_data_that_take_one(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = caught(monkeypatch, "rates")
    pairs = ["--data", "digits", "ucr:Toy", "--model", "lenet5", "fcn"]
    assert cli.main(["study", "rates", *pairs, "--out", "run", "--root", "/x"]) == 0
    assert [base.root for base in asked[0].base] == [None, "/x"]


def test_a_run_is_read_from_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(cli, "train", lambda run, resume, **told: asked.append((run, resume)))
    for place in (cli, command):
        monkeypatch.setattr(place, "finish", lambda *given, **more: None)
    words = "--keep .5 --epochs 9 --seed 4 --lr .1 --devices 2 --precision bf16-mixed --resume"
    assert cli.main([*TRAIN, "--out", "run", *words.split()]) == 0
    assert asked == [
        (
            TrainConfig.recommended(
                "digits", "lenet5", "run", keep=0.5, epochs=9, seed=4, learning_rate=0.1,
                devices=2, precision="bf16-mixed",
            ),
            True,
        )
    ]  # fmt: skip


def test_thresholds_and_a_papers_recipe_are_read_from_the_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(cli, "train", lambda run, **told: asked.append(run))
    for place in (cli, command):
        monkeypatch.setattr(place, "finish", lambda *given, **more: None)
    train = ["train", "--data", "digits", "--model", "spec_lenet5", "--out", "run"]
    assert cli.main([*train, "--recipe", "specnet", "--beta", ".75", "--beta-epochs", "5"]) == 0
    assert cli.main([*train, "--density", ".2", "--optimizer", "sgd", "--momentum", ".8"]) == 0
    assert asked == [
        TrainConfig.recommended("digits", "spec_lenet5", "run", recipe="specnet", beta=0.75,
                                beta_epochs=5),
        TrainConfig.recommended("digits", "spec_lenet5", "run", density=0.2,
                                optimizer="sgd", momentum=0.8),
    ]  # fmt: skip
    studied = caught(monkeypatch, "specnet-beta")
    assert cli.main(["study", "specnet-beta", "--recipe", "specnet", "--out", "run"]) == 0
    (base, _) = studied[0].base
    assert (base.epochs, base.batch_size, base.momentum) == (300, 64, 0.95)


def test_the_demo_is_the_study_with_its_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = caught(monkeypatch, "rates")
    pairs = ["--data", "mnist-5k", "ucr:GunPoint", "--model", "lenet5", "fcn"]
    cli.main(["demo", "--out", "run"])
    cli.main(["study", "rates", *pairs, "--out", "run"])
    assert asked[0] == asked[1]
    assert asked[0].seeds >= 2


def test_train_study_and_report_end_with_table_and_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["--epochs", "1", "--batch-size", "256", "--accelerator", "cpu", "--keep", "0.5"]
    for number, words in enumerate((TRAIN, STUDY)):
        out = tmp_path / str(number)
        assert cli.main([*words, *run, "--out", str(out)]) == 0
        shown = capsys.readouterr()
        assert "lenet5 on digits" in shown.out
        assert shown.out.splitlines()[-1] == f"report: {out / 'report.html'}"
        assert all(line.startswith("[") for line in shown.err.splitlines())  # progress alone
        assert (out / "report.html").read_text().startswith("<!DOCTYPE html>")
        (out / "report.html").unlink()
        assert cli.main(["report", str(out)]) == 0
        assert (out / "report.html").exists()
        capsys.readouterr()
    assert len(results.read(tmp_path / "1" / "results.csv")) == 2 * 2 * 5


def test_ctrl_c_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stops(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "train", stops)
    assert cli.main([*TRAIN, "--out", "run"]) == 130
    said = "passband: interrupted; the same command with --resume goes on\n"
    assert capsys.readouterr().err == said


@pytest.mark.parametrize("missing", ["lightning", "matplotlib", "yaml", "rich"])
def test_without_the_extra_there_is_advice(missing: str) -> None:
    done = in_new_process(
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from passband.__main__ import main; sys.argv = ['passband', 'demo']; sys.exit(main())"
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert missing in line
    assert "pip install 'passband[lab]'" in line


def test_the_library_does_not_import_the_laboratory() -> None:
    done = in_new_process(
        "import sys, passband\n"
        "extra = {'lightning', 'matplotlib', 'yaml', 'rich', 'torchmetrics', 'passband.lab'}\n"
        "print(*sorted(extra & set(sys.modules)))"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "\n", "")


def test_python_m_passband_works() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "passband", "--help"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env={**os.environ, "COLUMNS": "100"},
    )
    for name in ("train", "study", "bench", "report", "demo"):
        assert name in done.stdout
