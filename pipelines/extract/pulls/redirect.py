"""No connector follows a redirect: the credentials of a request would travel to whoever it names."""

from collections.abc import Mapping
from urllib.parse import urljoin, urlsplit

from pipelines.common.errors import PlatformRefusedError


def refused(thing: str, asked: str, status: int, headers: Mapping[str, str]) -> PlatformRefusedError | None:
    """Give the error for an answer that redirects, with the host it names and nothing else of it; None for others.

    `thing` names the connector and the request, `asked` is the address that was requested.
    """
    if not 300 <= status < 400:
        return None
    host = _host(asked, headers.get("location") or "")
    return PlatformRefusedError(
        thing,
        f"is redirected to {host} (status {status}), and redirects are not followed",
        hint="if that host is right, give the address of its API as base_url in source.yml",
    )


def _host(asked: str, location: str) -> str:
    try:
        return (location and urlsplit(urljoin(asked, location)).hostname) or "no readable host"
    except ValueError:
        return "no readable host"
