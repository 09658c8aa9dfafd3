"""Coverage-guided fuzzing of one reader: `python tests/fuzz/fuzz_readers.py NAME [options]`.

NAME is one of `readers.READERS`; options are libFuzzer's, for instance `-max_total_time=600`. Needs
`pip install atheris`, which is no part of any extra: it has wheels for few platforms.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

PARSERS = ["passband", "yaml", "aeon", "zipfile", "tarfile", "gzip", "json"]


def main(name: str, options: list[str]) -> None:
    """Goes on until a failure, or as long as the options say."""
    import atheris

    # What is imported before is not instrumented, which takes minutes.
    import lightning.fabric  # noqa: F401
    import scipy.io  # noqa: F401
    from torch._weights_only_unpickler import Unpickler

    import passband.lab.models  # noqa: F401

    Unpickler.load = atheris.instrument_func(Unpickler.load)  # type: ignore[method-assign]
    with atheris.instrument_imports(include=PARSERS):
        from readers import READERS, attempt

    reader = READERS[name]
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as at:
        folder, corpus, words = Path(at, "run"), Path(at, "corpus"), Path(at, "words")
        folder.mkdir()
        corpus.mkdir()
        for number, content in enumerate(reader.seeds):
            (corpus / f"{number}").write_bytes(content)
        escaped = ("".join(f"\\x{byte:02x}" for byte in word) for word in reader.words)
        words.write_text("".join(f'"{word}"\n' for word in escaped))
        limits = ["-timeout=60", "-rss_limit_mb=4096", "-max_len=8192", "-print_final_stats=1"]

        def read(content: bytes) -> None:
            attempt(reader, folder, content)

        atheris.Setup([sys.argv[0], *limits, f"-dict={words}", *options, str(corpus)], read)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
