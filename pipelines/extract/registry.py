"""Every source known here, in one list: what command line, DAGs, pools and documentation offer is read from it.

This module imports nothing but errors, for DAG files import it: connectors are named, and imported when they are used.
"""

from dataclasses import dataclass

from pipelines.common.errors import RefError

LISTS = ("follower", "post", "like", "repost", "quote", "reply")
MAPPED = "pipelines.extract.exports.mapped"


@dataclass(frozen=True)
class RegisteredSource:
    """One source: a platform that is pulled, or an export that people download.

    `platforms` are names of `account.csv`. `connector` is a module: with a `Connector` where the source is pulled, else
    with a `converter`. `kinds` are the lists that are requested, or the tables that an export is converted to.
    `is_paid` sources need a budget. An export is kept beside its delivery only where `keeps_original`: others hold
    direct messages or other people's lists.
    """

    name: str
    platforms: tuple[str, ...]
    connector: str
    kinds: tuple[str, ...]
    is_paid: bool = False
    is_pulled: bool = False
    keeps_original: bool = False

    @property
    def platform(self) -> str:
        """The one platform of a source that is pulled: also the name of its pool."""
        (platform,) = self.platforms
        return platform


def _pulled(name: str, platform: str, folder: str, *, is_paid: bool = False) -> RegisteredSource:
    connector = f"pipelines.extract.{folder}.connector"
    return RegisteredSource(name, (platform,), connector, LISTS, is_paid=is_paid, is_pulled=True)


def _export(
    name: str, platforms: tuple[str, ...], connector: str, kinds: tuple[str, ...], *, keeps_original: bool = False
) -> RegisteredSource:
    return RegisteredSource(name, platforms, connector, kinds, keeps_original=keeps_original)


SOURCES: dict[str, RegisteredSource] = {
    one.name: one
    for one in (
        _pulled("bluesky", "bluesky", "bluesky"),
        _pulled("mastodon", "mastodon", "mastodon"),
        _pulled("x_api", "x", "x", is_paid=True),
        _export(
            "x_analytics",
            ("x",),
            "pipelines.extract.exports.x_analytics",
            ("post", "account_day"),
            keeps_original=True,
        ),
        _export("x_archive", ("x",), "pipelines.extract.exports.x_archive", ("follower", "post")),
        _export("meta", ("facebook", "instagram"), "pipelines.extract.exports.meta", ("post",), keeps_original=True),
        _export("instagram", ("instagram",), "pipelines.extract.exports.instagram", ("follower",)),
        _export("linkedin", ("linkedin",), MAPPED, ("account_day", "post"), keeps_original=True),
        _export("youtube_studio", ("youtube",), MAPPED, ("post",), keeps_original=True),
    )
}
PULLED: dict[str, RegisteredSource] = {name: one for name, one in SOURCES.items() if one.is_pulled}
EXPORTS: dict[str, RegisteredSource] = {name: one for name, one in SOURCES.items() if not one.is_pulled}


def pulled_source(name: str) -> RegisteredSource:
    """Find a source that is pulled.

    Raises `RefError` where there is none of that name.
    """
    if name not in PULLED:
        raise RefError(f"source {name!r}", "is not a source that can be pulled", known=PULLED)
    return PULLED[name]
