"""Zips from outside: only what is wanted is opened, and a zip made to do harm is refused before it costs anything."""

import random
import re
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.common.errors import DeliveryError, StillreachError, UnreadableFileError
from pipelines.extract.files.archive import LIMITS, Limits, opened

WANTED = re.compile(r"data/want[0-9]\.js")
TEXT = b"abc" * 1000


def pack(file: Path, *members: str, text: bytes = TEXT) -> Path:
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        warnings.simplefilter("ignore")  # of a name that stands twice
        for name in members:
            target.writestr(name, text)
    return file


def read(file: Path, limits: Limits = LIMITS) -> dict[str, bytes]:
    with opened(file, "z.zip", WANTED, limits) as found:
        return {name: b"".join(found.chunks(name)) for name in found.members}


def refused(file: Path, kind: type[StillreachError], message: str, limits: Limits = LIMITS) -> None:
    with pytest.raises(kind, match=message) as caught:
        read(file, limits)
    assert type(caught.value) is kind
    assert "z.zip" in str(caught.value) and "Hint: " in str(caught.value)


def patch(file: Path, change: Callable[[bytearray], None]) -> Path:
    raw = bytearray(file.read_bytes())
    change(raw)
    file.write_bytes(raw)
    return file


def central(raw: bytearray, n: int) -> int:
    """Find where the n-th entry of the table of contents begins."""
    at = -1
    for _ in range(n):
        at = raw.index(b"PK\1\2", at + 1)
    return at


def test_only_wanted_members_are_there_to_be_read(tmp_path: Path) -> None:
    file = pack(tmp_path / "z.zip", "data/want1.js", "data/secret.js", "xdata/want2.js", "data/want3.jsx")
    assert read(file) == {"data/want1.js": TEXT}
    with opened(file, "z.zip", WANTED) as found, pytest.raises(KeyError):
        next(found.chunks("data/secret.js"))


def test_chunks_are_a_mebibyte_at_the_most(tmp_path: Path) -> None:
    text = random.Random(1).randbytes(3_000_000)
    with opened(pack(tmp_path / "z.zip", "data/want1.js", text=text), "z.zip", WANTED) as found:
        chunks = list(found.chunks("data/want1.js"))
    assert len(chunks) > 2
    assert max(map(len, chunks)) <= 1 << 20
    assert b"".join(chunks) == text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../evil.js", "leads out"),
        ("data/../../evil.js", "leads out"),
        ("/etc/evil.js", "no plain relative path"),
        ("data\\evil.js", "no plain relative path"),
        ("C:evil.js", "no plain relative path"),
    ],
)
def test_names_that_lead_elsewhere_are_refused_wherever_they_stand(tmp_path: Path, name: str, message: str) -> None:
    refused(pack(tmp_path / "z.zip", "data/want1.js", name), DeliveryError, message)


def test_a_name_with_nul_is_refused(tmp_path: Path) -> None:
    file = pack(tmp_path / "z.zip", "data/want1.js", "data/xant2.js.exe")

    def poison(raw: bytearray) -> None:
        raw[:] = raw.replace(b"data/xant2.js.exe", b"data/want2.js\0exe")

    refused(patch(file, poison), DeliveryError, "no plain relative path")


@pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o010666])
def test_links_and_devices_are_refused(tmp_path: Path, mode: int) -> None:
    link = zipfile.ZipInfo("data/want1.js")
    link.external_attr = mode << 16
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as target:
        target.writestr(link, "/etc/passwd")
    refused(tmp_path / "z.zip", DeliveryError, "a link or a device")


def test_a_member_that_stands_twice_is_refused_if_it_is_wanted(tmp_path: Path) -> None:
    refused(pack(tmp_path / "z.zip", "data/want1.js", "data/want1.js"), DeliveryError, "stands in the zip twice")
    assert read(pack(tmp_path / "z.zip", "data/want1.js", "a.png", "a.png")) == {"data/want1.js": TEXT}


def test_members_that_share_bytes_are_refused(tmp_path: Path) -> None:
    file = pack(tmp_path / "z.zip", "data/want1.js", "data/want2.js")
    refused(patch(file, lambda raw: struct.pack_into("<L", raw, central(raw, 2) + 42, 0)), DeliveryError, "overlap")


def test_names_beyond_ascii_do_not_look_like_overlaps(tmp_path: Path) -> None:
    file = pack(tmp_path / "z.zip", "data/déjà-vu-éééé.png", "data/want1.js", text=b"x")
    assert list(read(file)) == ["data/want1.js"]


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (Limits(member=2999), "unpacks to more than 0 MiB"),
        (Limits(total=5999), "unpacks to more than 0 MiB"),
        (Limits(contents=40), "lists more than 0 MiB"),
    ],
)
def test_what_would_cost_too_much_is_refused_before_it_is_unpacked(
    tmp_path: Path, limits: Limits, message: str
) -> None:
    file = pack(tmp_path / "z.zip", "data/want1.js", "data/want2.js")
    assert len(read(file, Limits(member=3000, total=6000, contents=200))) == 2
    refused(file, DeliveryError, message, limits)


def test_a_bomb_is_refused_by_its_ratio_and_a_dense_text_is_not(tmp_path: Path) -> None:
    refused(pack(tmp_path / "z.zip", "data/want1.js", text=bytes(8 << 20)), DeliveryError, "200 times its size")
    dense = b"".join(b'{"follower":{"accountId":"%019d"}},' % (n * 7919) for n in range(20_000))
    assert read(pack(tmp_path / "z.zip", "data/want1.js", text=dense)) == {"data/want1.js": dense}


def test_a_bomb_that_understates_its_size_gives_no_byte_more_than_it_says(tmp_path: Path) -> None:
    file = pack(tmp_path / "z.zip", "data/want1.js", text=bytes(8 << 20))
    refused(
        patch(file, lambda raw: struct.pack_into("<L", raw, central(raw, 1) + 24, 1000)),
        UnreadableFileError,
        "cut off or corrupted",
    )


def test_a_huge_table_of_contents_is_refused_in_the_large_format_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 1)
    file = pack(tmp_path / "z.zip", "data/want1.js", "data/want2.js")
    assert b"PK\6\6" in file.read_bytes()
    assert len(read(file)) == 2
    refused(file, DeliveryError, "lists more than", Limits(contents=40))


def test_a_locked_member_is_refused(tmp_path: Path) -> None:
    file = pack(tmp_path / "z.zip", "data/want1.js")

    def lock(raw: bytearray) -> None:
        raw[6] |= 1
        raw[central(raw, 1) + 8] |= 1

    refused(patch(file, lock), DeliveryError, "locked with a password")


def test_a_member_packed_in_another_way_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z.zip", "w", zipfile.ZIP_LZMA) as target:
        target.writestr("data/want1.js", TEXT)
    refused(tmp_path / "z.zip", DeliveryError, "no platform packs")


def test_a_zip_cut_off_or_spoilt_anywhere_is_refused_or_gives_the_same(tmp_path: Path) -> None:
    whole = pack(tmp_path / "z.zip", "data/want1.js", "data/other.js").read_bytes()
    file = tmp_path / "bad.zip"
    for at in range(len(whole)):
        file.write_bytes(whole[:at])
        refused(file, UnreadableFileError, "no whole zip")
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            got = read(file)
        except DeliveryError:
            continue
        # A byte of a date, or one that hides the member's name: never another text.
        assert got in ({"data/want1.js": TEXT}, {})


@pytest.mark.parametrize("raw", [b"", b"not a zip", b"PK\5\6", b"PK\5\6" + b"\xff" * 18])
def test_what_is_no_zip_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "z.zip").write_bytes(raw)
    with pytest.raises(DeliveryError, match=r"z\.zip"):
        read(tmp_path / "z.zip")
