import gzip
import io
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from passband.lab.data.archive import names_of_zip, of_tar, of_zip


def entry(name: str, size: int = 0, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname = size, kind, "/etc/passwd"
    return made


def tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return path


def test_wanted_members_of_a_tar_are_read_and_nothing_else(tmp_path: Path) -> None:
    path = tar(
        tmp_path / "a.tar.gz",
        (entry("d", kind=tarfile.DIRTYPE), b""),
        (entry("d/one", 3), b"111"),
        (entry("d/readme", 4), b"text"),
        (entry("d/two", 2), b"22"),
    )
    assert of_tar(path, {"d/one": 3, "d/two": 9}) == {"d/one": b"111", "d/two": b"22"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("hostile", "message"),
    [
        (entry("/etc/cron.d/x"), "'/etc/cron.d/x' points out of the archive"),
        (entry("d/../../x"), "'d/../../x' points out of the archive"),
        (entry("..\\x"), "points out of the archive"),
        (entry("C:\\x"), "points out of the archive"),
        (entry("d/one", kind=tarfile.SYMTYPE), "'d/one' is a link, a device or sparse"),
        (entry("d/one", kind=tarfile.LNKTYPE), "'d/one' is a link"),
        (entry("d/one", kind=tarfile.FIFOTYPE), "'d/one' is a link, a device"),
        (entry("d/one", kind=tarfile.CHRTYPE), "'d/one' is a link, a device"),
    ],
)
def test_a_hostile_tar_is_refused(tmp_path: Path, hostile: tarfile.TarInfo, message: str) -> None:
    path = tar(tmp_path / "a.tar.gz", (hostile, b""), (entry("d/one", 3), b"111"))
    with pytest.raises(ValueError, match=message):
        of_tar(path, {"d/one": 3})


@pytest.mark.parametrize("name", ["d/one", "d/other"])
def test_a_tar_bomb_is_refused_by_its_declared_size(tmp_path: Path, name: str) -> None:
    path = tar(tmp_path / "a.tar.gz", (entry(name, 10**7), bytes(10**7)))
    with pytest.raises(ValueError, match=f"a.tar.gz: '{name}': 10000000 bytes, but .* at most"):
        of_tar(path, {"d/one": 3})


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_bomb_in_the_headers_of_a_tar_is_not_unpacked(tmp_path: Path, kind: bytes) -> None:
    header = entry("x", 2**30, kind)
    path = tmp_path / "a.tar.gz"
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(header.tobuf(tarfile.USTAR_FORMAT))
        for _ in range(64):
            stream.write(bytes(2**20))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"a.tar.gz"):
        of_tar(path, {"d/one": 3})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


def test_many_small_members_are_counted_together(tmp_path: Path) -> None:
    members = [(entry(f"d/{i}", 2**16), bytes(2**16)) for i in range(20)]
    path = tar(tmp_path / "a.tar.gz", *members)
    with pytest.raises(ValueError, match=r"a.tar.gz: \d+ bytes, but such a file has at most"):
        of_tar(path, {"d/one": 3})


def test_a_tar_without_the_member(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar.gz", (entry("d/one", 3), b"111"))
    with pytest.raises(ValueError, match=r"a.tar.gz: lacks d/two, d/three"):
        of_tar(path, {"d/one": 3, "d/two": 3, "d/three": 1})


@pytest.mark.parametrize("content", [b"", b"no archive", gzip.compress(b"no tar" * 200, mtime=0)])
def test_what_is_no_tar(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a.tar.gz: half-downloaded, damaged or no archive"):
        of_tar(path, {"d/one": 3})


def zipped(path: Path, members: dict[str, bytes], link: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        if link:
            made = zipfile.ZipInfo(link)
            made.external_attr = 0o120777 << 16
            archive.writestr(made, "/etc/passwd")
    return path


def test_members_of_a_zip(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"d/one.ts": b"1,2,3", "d/two.ts": b"4"})
    assert names_of_zip(path) == ("d/one.ts", "d/two.ts")
    assert of_zip(path, "d/one.ts") == b"1,2,3"


@pytest.mark.parametrize("name", ["/x", "../x", "d/../../x", "..\\x", "C:\\x"])
def test_a_zip_that_points_out_of_itself(tmp_path: Path, name: str) -> None:
    path = zipped(tmp_path / "a.zip", {"d/one.ts": b"1", name: b"2"})
    with pytest.raises(ValueError, match=r"points out of the archive; nothing of it was read"):
        names_of_zip(path)


def test_a_zip_with_a_link(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"d/one.ts": b"1"}, link="d/two.ts")
    with pytest.raises(ValueError, match=r"a.zip: 'd/two.ts' is a link"):
        names_of_zip(path)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"d/one.ts": bytes(2**24)})
    with pytest.raises(
        ValueError, match=r"'d/one.ts': 16777216 bytes, but such a file has at most"
    ):
        of_zip(path, "d/one.ts")


def test_a_zip_that_lies_about_its_size(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"d/one.ts": bytes(2**24)})
    size = (2**24).to_bytes(4, "little")
    path.write_bytes(path.read_bytes().replace(size, (9).to_bytes(4, "little")))
    with pytest.raises(ValueError, match=r"a.zip: half-downloaded, damaged or no archive: .*CRC"):
        of_zip(path, "d/one.ts")


def test_an_encrypted_zip(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"d/one.ts": b"1"})
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"'d/one.ts' is encrypted; unpack .* password"):
        of_zip(path, "d/one.ts")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\3\4 and no more"])
def test_what_is_no_zip(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a.zip: half-downloaded, damaged or no archive"):
        names_of_zip(path)
