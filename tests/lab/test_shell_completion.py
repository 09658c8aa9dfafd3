"""The script for bash completes in a real bash; those for other shells hold the same words."""

import shutil
import subprocess
from pathlib import Path

import pytest

from passband.lab import cli, completion, models
from passband.lab.studies import STUDIES


@pytest.fixture(scope="module")
def bash_script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "passband.bash"
    path.write_text(completion.script("bash"))
    return path


def completed(script: Path, line: str) -> set[str]:
    """What bash offers at the end of a line."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")
    code = """
        source $1; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
        $(complete -p passband | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
        printf '%s\\n' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        [bash, "--norc", "-c", code, "bash", str(script), *line.split(" ")],
        capture_output=True, text=True, timeout=60, check=True, cwd=script.parent,
    )  # fmt: skip
    assert done.stderr == ""
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (
            "passband ",
            {"train", "study", "bench", "inspect", "export", "report", "demo", "completion"},
        ),
        ("passband t", {"train"}),
        ("passband bench ", {"conv", "step", "inference", "memory"}),
        ("passband train --ke", {"--keep", "--keep-start", "--keep-least"}),
        ("passband train --model spec_l", {"spec_lenet5", "spec_lenet5_bn"}),
        ("passband train --data mn", {"mnist", "mnist-5k"}),
        ("passband train --data ucr:Gun", {"ucr:GunPoint"}),
        ("passband train --model lenet5 --plan ", {"auto", "fft", "dft", "spatial", "fused",
                                                  "measure"}),
        ("passband study specnet-t", {"specnet-training", "specnet-table1-cifar10",
                                      "specnet-table1-mnist", "specnet-table1-svhn",
                                      "specnet-table2-densenet", "specnet-table2-vgg16"}),
        ("passband study icml-m", {"icml-mnist"}),
        ("passband study attacks --attacks pgd-b", {"pgd-bpda"}),
        ("passband study rates --data digits --model le", {"lenet5"}),
        ("passband inspect resnet5", {"resnet50"}),
        ("passband bench conv --group re", {"resnet18", "resnet50"}),
        ("passband bench conv --check passband.b", {"passband.bash"}),
        ("passband completion ", {"bash", "zsh", "tcsh"}),
    ],
)  # fmt: skip
def test_bash_completes(line: str, wanted: set[str], bash_script: Path) -> None:
    assert completed(bash_script, line) == wanted


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_each_script_has_all_names(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for name in (*models.available(), *STUDIES, "keep-start", "exact", "mnist-5k"):
        assert name in script
    assert (r"ucr\:GunPoint" if shell == "zsh" else "ucr:GunPoint") in script
