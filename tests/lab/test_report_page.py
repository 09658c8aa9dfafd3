import html
import re
import shutil
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from passband.lab import figures, files, report, results
from passband.lab.results import Row

NAME = "ucr:A & <b>"  # a name that a page must not take for markup


def table(seeds: int = 2) -> list[Row]:
    rows = []
    for seed in range(seeds):
        for keep, measured, accuracy in ((None, None, 0.95), (1.0, 1.0, 0.95), (0.25, 0.3, 0.90)):
            variant = "plain" if keep is None else "band"
            values = (
                ("train_loss", 1, 2.0),
                ("train_loss", 2, 1.0),
                ("test_accuracy", 2, accuracy + seed / 100),
                ("saved_bytes", None, 2**20 * (1 + (measured or 1))),
                ("step_seconds", None, 0.010),
                ("step_ratio", None, 1.0 if keep is None else 0.8 + seed / 10),
            )
            rows += [
                Row("rates", NAME, "fcn", variant, seed, epoch, keep, measured, metric, value)
                for metric, epoch, value in values
            ]
    return rows


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("study")
    results.write(out / "results.csv", table())
    files.write_yaml(out / "config.yaml", {"study": "rates", "seeds": 2, "repeats": 15})
    files.write_yaml(
        out / "environment.yaml",
        {"torch": "2.13.0", "samples": {NAME: {"train": 50, "test": 150}}},
    )
    return report.build(out)


class Page(HTMLParser):
    """Collects the elements, their attributes and the text; complains about wrong nesting."""

    VOID = ("meta", "link", "br", "hr", "img", "input")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_sound_and_complete(built: Path) -> None:
    page = Page(built.read_text())
    assert page.tags["svg"] == 4
    assert page.tags["table"] == 1
    assert page.tags["b"] == 5  # ours; the data set's name brought none
    for told in (NAME, "95.5 ± 0.7", "1.30", "0.85 ± 0.07", "50 samples", "2 seeds", "repeats: 15",
                 "2.13.0", "15 times per seed"):  # fmt: skip
        assert told in page.text
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))


def test_the_page_needs_no_network(built: Path) -> None:
    text = built.read_text()
    page = Page(text)
    assert not page.tags.keys() & {"script", "link", "img", "iframe", "object", "base", "image"}
    assert "://" not in text
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) <= {"#"}
    for name, value in page.attributes:
        if name in ("href", "src", "xlink:href", "srcset", "data"):
            assert (value or "").startswith("#")


def test_what_a_figure_refers_to_is_in_the_page(built: Path) -> None:
    page = Page(built.read_text())
    ids = {value for name, value in page.attributes if name == "id"}
    text = built.read_text()
    wanted = set(re.findall(r'xlink:href="#([^"]+)"', text) + re.findall(r"url\(#([^)]+)\)", text))
    assert wanted
    assert wanted <= ids


def test_figures_stand_alone_too(built: Path) -> None:
    drawn = sorted(path.name for path in (built.parent / "figures").iterdir())
    assert [name.rsplit("-", 1)[-1] for name in drawn] == [
        "accuracy.svg", "bytes.svg", "loss.svg", "time.svg",
    ]  # fmt: skip
    for path in (built.parent / "figures").iterdir():
        assert "xmlns" in path.read_text()


def test_figures_are_drawn_from_the_numbers() -> None:
    accuracy, _, ratio, loss = figures.draw(table())
    assert "measured keep" in accuracy.svg
    assert "test accuracy, last epoch (%)" in accuracy.svg
    assert "plain" in ratio.svg
    assert "cross entropy (nats)" in loss.svg
    other = [row for row in table() if (row.keep, row.seed) != (0.25, 1)]
    assert figures.draw(other)[0].svg != accuracy.svg
    assert figures.draw(table()) == figures.draw(table())


def test_a_single_plain_run_has_but_a_loss_figure() -> None:
    rows = [row for row in table(1) if row.keep is None]
    assert [figure.name.rsplit("-", 1)[-1] for figure in figures.draw(rows)] == ["loss"]


def test_a_diverged_run_is_drawn() -> None:
    rows = table()
    nan = float("nan")
    rows[0] = Row("rates", NAME, "fcn", "plain", 0, 1, None, None, "train_loss", nan)
    assert len(figures.draw(rows)) == 4


@pytest.mark.parametrize("name", ["results.csv", "config.yaml"])
def test_what_is_missing_is_named(built: Path, tmp_path: Path, name: str) -> None:
    for file in ("results.csv", "config.yaml"):
        if file != name:
            shutil.copy(built.parent / file, tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        report.build(tmp_path)
    assert caught.value.filename == str(tmp_path / name)
    assert not (tmp_path / "report.html").exists()


def test_an_empty_table_has_no_report(built: Path, tmp_path: Path) -> None:
    shutil.copy(built.parent / "config.yaml", tmp_path)
    results.write(tmp_path / "results.csv", [])
    with pytest.raises(ValueError, match=r"results\.csv has no results yet"):
        report.build(tmp_path)


def test_a_table_of_no_study_is_told(tmp_path: Path) -> None:
    row = Row("fates", "digits", "lenet5", "plain", 0, 1, None, None, "test_accuracy", 0.5)
    results.write(tmp_path / "results.csv", [row])
    files.write_yaml(tmp_path / "config.yaml", {})
    with pytest.raises(ValueError, match="unknown study 'fates'; there is rates, "):
        report.build(tmp_path)


def test_a_run_of_a_spectral_network_is_no_plain_one(tmp_path: Path) -> None:
    measured = (("train_loss", 1, 2.0), ("train_loss", 2, 1.0), ("test_accuracy", 2, 0.5),
                ("density", 2, 0.25))  # fmt: skip
    rows = [
        Row("train", "digits", "spec_lenet5", "spec", 0, epoch, None, None, metric, value)
        for metric, epoch, value in measured
    ]
    results.write(tmp_path / "results.csv", rows)
    files.write_yaml(tmp_path / "config.yaml", {})
    page = report.build(tmp_path).read_text()
    assert "A training run" in page
    assert report.tables(tmp_path) == {
        "spec_lenet5 on digits": [
            ("keep", "density", "seeds", "accuracy %"), ("spec", "0.250", "1", "50.0"),
        ]
    }  # fmt: skip
    assert ">spec</text>" in page


def test_a_browser_shows_it(built: Path, browser: Callable[..., str]) -> None:
    shown = browser("--dump-dom", built.as_uri())
    assert shown.count("<svg") == 4
    assert shown.count("<tr") == 4
    assert "95.5 ± 0.7" in shown


@pytest.mark.parametrize("width", [1200, 500])
@pytest.mark.parametrize("dark", [False, True])
def test_it_looks_right(
    built: Path, browser: Callable[..., str], tmp_path: Path, width: int, dark: bool
) -> None:
    picture = tmp_path / "page.png"
    theme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    browser(*theme, f"--window-size={width},1400", f"--screenshot={picture}", built.as_uri())
    pixels = matplotlib.image.imread(picture)[..., :3]
    assert pixels.shape[:2] == (1400, width)
    corner = np.asarray((0x12, 0x16, 0x1C) if dark else (255, 255, 255)) / 255
    assert np.allclose(pixels[-1, 0], corner, atol=0.01)
    # The figures' two hues are there, as the theme has them.
    for hue in (
        ((0x57, 0xB0, 0xEE), (0xFF, 0x9D, 0x52)) if dark else ((10, 111, 180), (213, 97, 10))
    ):
        near = np.abs(pixels - np.asarray(hue) / 255).max(axis=-1) < 0.02
        assert near.sum() > 100


def test_it_fits_a_phone(built: Path, browser: Callable[..., str], tmp_path: Path) -> None:
    # No window of the browser is as narrow; a frame is.
    frame = tmp_path / "frame.html"
    page = html.escape(built.read_text())
    frame.write_text(
        f'<iframe width="390" height="800" srcdoc="{page}" onload="document.title = '
        "this.contentDocument.documentElement.scrollWidth + ' of '"
        '+ this.contentWindow.innerWidth"></iframe>'
    )
    found = re.search(r"<title>(\d+) of 390</title>", browser("--dump-dom", frame.as_uri()))
    assert found
    assert int(found[1]) <= 390
