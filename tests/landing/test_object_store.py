"""A landing area in an object store, on a real S3 protocol on loopback: nothing half there, nothing lost, no clash."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from pipelines.common.errors import LandedFileChangedError, LandingStoreError, SettingsError
from pipelines.common.settings import Settings, from_environment
from pipelines.landing import object_store
from pipelines.landing.declaration import MANIFEST
from pipelines.landing.deliveries import current_deliveries, verify_files
from pipelines.landing.land_drop import land_drop
from pipelines.landing.manifest import Delivery

ON = date(2026, 7, 15)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Serve S3 on a port of loopback."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """Give an empty bucket of its own, and point the clients at the server."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    store = fsspec.filesystem("s3", use_listings_cache=False, skip_instance_cache=True)
    name = f"bucket{abs(hash(request.node.nodeid)) % 10**8}"
    store.mkdir(name)
    return store, name


@pytest.fixture
def stored(settings: Settings, bucket: Any, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("STILLREACH_LANDING", f"s3://{bucket[1]}/landing/")
    return from_environment()


@pytest.fixture
def elsewhere(stored: Settings, tmp_path: Path) -> Settings:
    """Give another machine of the same deployment: the same store, nothing else."""
    return replace(stored, data=tmp_path / "elsewhere")


@pytest.fixture
def drop(tmp_path: Path, write_drop: Any, followers: Any) -> Any:
    """Give a maker of drops: how many followers, and the folder with them."""
    return lambda n: write_drop(tmp_path / f"drop{n}", {"follower.csv": followers("1", range(n), "2026-07-15")})


class CutOff:
    """A store whose line is cut just before a manifest is written."""

    def __init__(self, store: Any) -> None:
        self.store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def put_file(self, local: str, remote: str) -> None:
        if remote.endswith(MANIFEST):
            raise ConnectionError("the line is cut")
        self.store.put_file(local, remote)


def objects(bucket: Any) -> set[str]:
    store, name = bucket
    return {path.split("/", 4)[-1] for path in store.find(name)}


def current_delivery(settings: Settings) -> Delivery:
    return current_deliveries(settings, until=ON)["a_source", "2026-07-15"]


def test_what_lands_here_is_read_and_proved_elsewhere(stored: Settings, elsewhere: Settings, drop: Any) -> None:
    landed = land_drop(drop(5), "a_source", ON, stored).delivery
    found = current_delivery(elsewhere)
    assert found == landed
    assert not (found.folder(elsewhere) / "follower.csv").exists()  # only its manifest, until it is needed
    verify_files(found, elsewhere)
    assert (found.folder(elsewhere) / "follower.csv").read_bytes() == (drop(5) / "follower.csv").read_bytes()


def test_the_same_content_from_another_machine_is_no_new_delivery(
    stored: Settings, elsewhere: Settings, drop: Any
) -> None:
    land_drop(drop(5), "a_source", ON, stored)
    again = land_drop(drop(5), "a_source", ON, elsewhere)
    assert not again.is_new
    assert land_drop(drop(6), "a_source", ON, elsewhere).supersedes == again.delivery
    assert current_delivery(stored).rows == 6


def test_a_manifest_is_the_last_that_comes_and_half_a_delivery_is_none(
    stored: Settings, elsewhere: Settings, drop: Any, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        root = f"{bucket[1]}/landing"
        patch.setattr(fsspec, "url_to_fs", lambda *args, **options: (CutOff(bucket[0]), root))
        with pytest.raises(LandingStoreError, match="does not answer"):
            land_drop(drop(5), "a_source", ON, stored)
    assert any(name.endswith("follower.csv") for name in objects(bucket))
    assert current_deliveries(elsewhere, until=ON) == {} == current_deliveries(stored, until=ON)
    assert land_drop(drop(5), "a_source", ON, stored).is_new
    verify_files(current_delivery(elsewhere), elsewhere)


def test_two_machines_at_once_get_two_numbers(stored: Settings, elsewhere: Settings, drop: Any) -> None:
    assert [object_store.claim(one, "a_source", "2026-07-15", 1) for one in (stored, elsewhere)] == [1, 2]
    assert land_drop(drop(5), "a_source", ON, stored).delivery.delivery_id.startswith("a_source.2026-07-15.0003-")
    assert land_drop(drop(6), "a_source", ON, elsewhere).delivery.delivery_id.startswith("a_source.2026-07-15.0004-")
    assert current_delivery(stored).rows == 6


def test_what_lay_here_before_there_was_a_store_moves_into_it(
    settings: Settings, stored: Settings, elsewhere: Settings, drop: Any
) -> None:
    landed = land_drop(drop(5), "a_source", ON, settings).delivery
    assert current_delivery(stored) == landed
    verify_files(current_delivery(elsewhere), elsewhere)


def test_half_a_copy_never_moves_into_the_store(
    settings: Settings, stored: Settings, elsewhere: Settings, drop: Any
) -> None:
    folder = land_drop(drop(5), "a_source", ON, settings).delivery.folder(settings)
    (folder / "follower.csv").unlink()
    current_deliveries(stored, until=ON)
    assert current_deliveries(elsewhere, until=ON) == {}


def test_a_byte_changed_in_the_store_is_noticed(stored: Settings, elsewhere: Settings, drop: Any, bucket: Any) -> None:
    land_drop(drop(5), "a_source", ON, stored)
    store, name = bucket
    path = next(path for path in store.find(name) if path.endswith("follower.csv"))
    store.pipe_file(path, store.cat_file(path)[:-2] + b"9\n")
    with pytest.raises(LandedFileChangedError):
        verify_files(current_delivery(elsewhere), elsewhere)


def test_the_copy_here_may_be_removed_and_comes_back(stored: Settings, drop: Any) -> None:
    landed = land_drop(drop(5), "a_source", ON, stored).delivery
    shutil.rmtree(stored.landing)
    verify_files(current_delivery(stored), stored)
    assert current_delivery(stored) == landed


def test_a_store_that_is_not_there_is_said_without_a_traceback(stored: Settings, drop: Any) -> None:
    gone = replace(stored, landing_url="s3://no-such-bucket-here/landing", data=stored.data / "new")
    with pytest.raises((SettingsError, LandingStoreError), match=r"STILLREACH_LANDING|the landing store"):
        land_drop(drop(5), "a_source", ON, gone)
    assert current_deliveries(replace(gone, landing_url=""), until=ON) == {}


def test_an_address_without_a_store_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STILLREACH_LANDING", "bucket/landing")
    with pytest.raises(SettingsError, match="s3://bucket/folder"):
        from_environment()
    with pytest.raises(SettingsError, match="is not a usable store"):
        current_deliveries(replace(settings, landing_url="nosuch://a/b"), until=ON)
