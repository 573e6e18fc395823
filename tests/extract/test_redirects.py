"""No connector follows a redirect: its credentials would travel to the host that an answer names."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.common.errors import PlatformRefusedError
from pipelines.extract.bluesky.connector import Connector as Bluesky
from pipelines.extract.mastodon.connector import Connector as Mastodon
from pipelines.extract.pulls import redirect
from pipelines.extract.pulls.budget import Budget
from pipelines.extract.pulls.credential import Secret
from pipelines.extract.pulls.listing import Listing
from pipelines.extract.pulls.price import read_prices
from pipelines.extract.pulls.source import Source
from pipelines.extract.x.connector import Connector as X
from tests.extract.loopback import Answer, serve
from tests.extract.samples import bluesky, mastodon, x_api

TOKEN = "token-that-nobody-sees"


def for_bluesky(url: str, folder: Path) -> tuple[Any, Any]:
    return Bluesky(Source("bluesky", base_url=url), bluesky.SINCE, bluesky.TODAY), bluesky.OURS


def for_mastodon(url: str, folder: Path) -> tuple[Any, Any]:
    source = Source("mastodon", base_url=url, secret=Secret(TOKEN))
    return Mastodon(source, mastodon.SINCE, mastodon.TODAY), mastodon.OURS


def for_x(url: str, folder: Path) -> tuple[Any, Any]:
    settings = x_api.settings_in(folder)
    budget = Budget(settings, "x_api", 1000.0, read_prices(settings), patience=0.2)
    return X(x_api.source_of(url), x_api.SINCE, x_api.TODAY, budget), x_api.OURS


CONNECTORS = {"Bluesky": for_bluesky, "mastodon": for_mastodon, "x_api": for_x}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("name", CONNECTORS)
def test_a_redirect_to_another_host_is_an_error_that_names_connector_and_host_and_sends_nothing_there(
    name: str, status: int, tmp_path: Path
) -> None:
    make: Callable[[str, Path], tuple[Any, Any]] = CONNECTORS[name]

    async def ask(url: str) -> None:
        connector, account = make(url, tmp_path)
        connector.first_lists(account)
        try:
            await connector.page(Listing("post", connector.platform, account.account_id), None)
        finally:
            await connector.close()

    with serve(lambda _: Answer(200, {})) as other:
        # Another name of this machine, so that the host differs and a client that follows arrives.
        away = other.url.replace("127.0.0.1", "localhost") + f"/private/path?token={TOKEN}"
        with serve(lambda _: Answer(status, "", {"location": away})) as server:
            with pytest.raises(PlatformRefusedError) as caught:
                asyncio.run(ask(server.url))
            assert len(server.requests) == 1
        assert other.requests == []
    message = caught.value.message()
    assert name in message and f"redirected to localhost (status {status})" in message and "base_url" in message
    assert "private" not in message and TOKEN not in message
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("https://user:secret@away.example:8443/x?y", "away.example"),
        ("/same/server", "asked.example"),
        ("//other.example/x", "other.example"),
        ("", "no readable host"),
        ("http://[broken", "no readable host"),
    ],
)
def test_only_the_host_of_a_redirect_is_named(location: str, host: str) -> None:
    refusal = redirect.refused("one", "https://asked.example/a", 302, {"location": location})
    assert refusal is not None
    assert f"redirected to {host} (" in str(refusal)
    assert "secret" not in str(refusal) and "8443" not in str(refusal)


@pytest.mark.parametrize("status", [200, 204, 400, 404, 500])
def test_other_answers_are_no_redirects(status: int) -> None:
    assert redirect.refused("one", "https://asked.example/a", status, {}) is None
