import errno
import os
from pathlib import Path
from typing import Any

import pytest

from passband.atomic import write_atomic
from passband.lab import files, rundir

RUN: dict[str, Any] = {"data": "digits", "epochs": 2, "out": "here", "base": [{"model": "fcn"}]}


@pytest.mark.parametrize("place", ["/dev/null/run", "/proc/passband-run"])
def test_a_place_that_takes_no_directory_is_named(place: str) -> None:
    with pytest.raises(OSError, match=place):
        files.make_writable(Path(place))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_directory_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(PermissionError, match=str(tmp_path)):
            files.make_writable(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_too_little_space_is_found_before_the_run(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="1152921504606846976 bytes") as caught:
        files.make_writable(tmp_path, free=2**60)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(tmp_path)


def test_a_write_that_fails_names_the_file_and_keeps_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "config.yaml"
    write_atomic(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=str(path)):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_same_run_may_move_to_another_machine(tmp_path: Path) -> None:
    rundir.claim(tmp_path, RUN, again=False)
    (tmp_path / "last.ckpt").touch()
    rundir.claim(tmp_path, {**RUN, "out": "there", "devices": 8}, again=True)


def test_a_config_of_before_there_was_an_option_is_the_same(tmp_path: Path) -> None:
    rundir.claim(tmp_path, RUN, again=False)
    (tmp_path / "last.ckpt").touch()
    rundir.claim(tmp_path, {**RUN, "momentum": 0.9, "beta": None, "beta_epochs": 0}, again=True)
    with pytest.raises(FileExistsError, match=r"momentum is 0\.9 there and 0\.5 here"):
        rundir.claim(tmp_path, {**RUN, "momentum": 0.5}, again=True)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"epochs": 3}, "epochs is 2 there and 3 here"),
        ({"data": "mnist-5k"}, "data is 'digits' there and 'mnist-5k' here"),
        ({"keep": 0.5}, "keep is None there and 0.5 here"),
        ({"base": [{"model": "lenet5"}]}, r"base\[0\].model is 'fcn' there and 'lenet5' here"),
        ({"base": []}, r"base is \[{'model': 'fcn'}\] there and \[\] here"),
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_another_runs_directory_is_refused(
    tmp_path: Path, change: dict[str, Any], told: str, again: bool
) -> None:
    rundir.claim(tmp_path, RUN, again=False)
    before = (tmp_path / "config.yaml").read_bytes()
    with pytest.raises(FileExistsError, match=told):
        rundir.claim(tmp_path, {**RUN, **change}, again=again)
    assert (tmp_path / "config.yaml").read_bytes() == before


@pytest.mark.parametrize("product", ["results.csv", "last.ckpt"])
def test_a_run_is_not_begun_twice(tmp_path: Path, product: str) -> None:
    rundir.claim(tmp_path, RUN, again=False)
    rundir.claim(tmp_path, RUN, again=False)  # nothing was produced: it may start again
    (tmp_path / product).touch()
    with pytest.raises(FileExistsError, match=f"{tmp_path} already holds this run .{product}"):
        rundir.claim(tmp_path, RUN, again=False)


def test_results_of_unknown_origin_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "results.csv").write_text("mine")
    with pytest.raises(FileExistsError, match=r"results\.csv without config\.yaml"):
        rundir.claim(tmp_path, RUN, again=True)
    assert [p.name for p in tmp_path.iterdir()] == ["results.csv"]


@pytest.mark.parametrize("content", ["", "just text", "- a\n- list", "a: [", "a: \0"])
def test_a_damaged_config_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.yaml").write_text(content)
    with pytest.raises(ValueError, match=r"config\.yaml is damaged"):
        rundir.claim(tmp_path, RUN, again=True)


def test_of_a_run_that_ended_early_is_said_that_it_may_go(tmp_path: Path) -> None:
    run = {"data": "digits", "epochs": 2}
    rundir.claim(tmp_path, run, again=False)
    with pytest.raises(FileExistsError, match=r"or delete this one, which has no results$"):
        rundir.claim(tmp_path, {**run, "epochs": 3}, again=False)
    (tmp_path / "last.ckpt").touch()
    with pytest.raises(FileExistsError, match=r"choose another directory$"):
        rundir.claim(tmp_path, {**run, "epochs": 3}, again=False)
