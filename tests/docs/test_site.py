"""The built site: its links, and how a browser takes it. `make docs` builds it."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from pages import ROOT

SITE = ROOT / "docs" / "_build" / "html"
pytestmark = pytest.mark.skipif(not SITE.exists(), reason="there is no site: make docs")

# Opens each page in turn in a frame of a given width; tells which are wider, and which are dark.
VISIT = r"""<!doctype html><title>visit</title><pre></pre>
<iframe style="width:{width}px;height:900px;border:0"></iframe>
<script>
const pages = {pages}, wide = [], dark = [], frame = document.querySelector("iframe");
let at = -1;
frame.onload = () => {{
  if (at >= 0) {{
    const page = frame.contentDocument.documentElement;
    if (page.scrollWidth > {width}) wide.push(pages[at]);
    const paper = getComputedStyle(page.querySelector("body")).backgroundColor;
    if (paper.match(/\d+/g).every((part) => part < 64)) dark.push(pages[at]);
  }}
  at += 1;
  if (at < pages.length) frame.src = pages[at];
  else document.querySelector("pre").textContent = JSON.stringify([at, wide, dark.length]);
}};
frame.src = "about:blank";
</script>"""


class Links(HTMLParser):
    """What a page points to, and what can be pointed to on it."""

    def __init__(self) -> None:
        super().__init__()
        self.to: list[str] = []
        self.ids: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("href", "src") and value is not None:
                self.to.append(value)
            elif name == "id" and value is not None:
                self.ids.add(value)


@pytest.fixture(scope="module")
def links() -> dict[Path, Links]:
    found = {}
    for page in sorted(SITE.rglob("*.html")):
        found[page] = Links()
        found[page].feed(page.read_text(encoding="utf-8"))
    return found


def test_every_link_leads_somewhere(links: dict[Path, Links]) -> None:
    dead = []
    for page, of_page in links.items():
        for link in set(of_page.to):
            if re.match(r"[a-z]+:|//", link):
                continue
            path, fragment = urldefrag(unquote(link))
            target = (page.parent / path.partition("?")[0]).resolve() if path else page
            ids = links[target].ids if target in links else set()
            if not target.is_file() or (fragment and target in links and fragment not in ids):
                dead.append(f"{page.relative_to(SITE)}: {link}")
    assert not dead


def test_nothing_is_loaded_from_elsewhere() -> None:
    """A page works without a network, and tells nobody that it is read."""
    loads = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?(?:src|href)=\"(?:https?:)?//[^\"]*")
    found = {
        (page.name, match)
        for page in SITE.rglob("*.html")
        for match in loads.findall(page.read_text(encoding="utf-8"))
        if 'rel="canonical"' not in match
    }
    assert not found


@pytest.fixture
def served() -> Iterator[str]:
    """The address of the site; at `/visit/WIDTH` a page that visits all others."""
    pages = sorted(f"/{page.relative_to(SITE).as_posix()}" for page in SITE.rglob("*.html"))

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith("/visit/"):
                super().do_GET()
                return
            text = VISIT.format(width=self.path.rpartition("/")[2], pages=json.dumps(pages))
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Handler, directory=str(SITE))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(("width", "dark"), [(1300, False), (400, True)])
def test_a_browser_shows_every_page(
    served: str, browser: Callable[..., str], width: int, dark: bool
) -> None:
    """No error on its console, and no page wider than a desktop or a phone."""
    theme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    budget = ["--virtual-time-budget=200000", f"--window-size={width + 100},1000"]
    shown = browser(*theme, *budget, "--dump-dom", f"{served}/visit/{width}")
    found = re.search(r"<pre>(\[.*?\])</pre>", shown)
    assert found is not None, shown[-2000:]
    visited, wide, in_dark = json.loads(found[1])
    assert visited == len(list(SITE.rglob("*.html")))
    assert wide == []
    assert in_dark == (visited if dark else 0)
