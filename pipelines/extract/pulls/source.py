"""Which platforms are pulled, and how: `source.yml` of the reference folder, and the token each needs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipelines.common.errors import RefError
from pipelines.common.settings import Settings
from pipelines.extract import registry
from pipelines.extract.pulls import credential
from pipelines.extract.pulls.credential import Secret
from pipelines.reference.reader import Entry, checked_part, read_yaml

LOOPBACK = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")
TERMS_KEYS = ("terms_confirmed", "budget_usd_per_month")


@dataclass(frozen=True)
class Source:
    """One platform to pull, as configured.

    `days` is how many days of posts are asked for, `follower_lists` the roles of `account.csv` whose follower lists
    are. `request_seconds` is how long one request may take, `deadline_minutes` how long all accounts together may.
    """

    name: str
    base_url: str | None = None
    secret: Secret | None = None
    follower_lists: tuple[str, ...] = ("own", "seed")
    days: int = 28
    concurrency: int = 4
    deadline_minutes: float = 90
    request_seconds: float = 30
    terms_confirmed: Literal["enterprise", "owned"] | None = None
    budget_usd_per_month: float | None = None

    @property
    def platform(self) -> str:
        """The platform's name in `account.csv`."""
        return registry.pulled_source(self.name).platform

    @property
    def token(self) -> str | None:
        """The token itself: hand it to the platform's library and keep it nowhere else."""
        return self.secret.reveal() if self.secret else None


class _Given(Entry):
    """What `source.yml` may say of one source."""

    base_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^/?#@\s]+(/[^?#@\s]*)?$",
        description="https://host, without a user, a password or a query",
        repr=False,
    )
    token_file: str | None = None
    token_secret: Annotated[str, Field(pattern=r"^[\w.-]+$")] | None = None
    follower_lists: tuple[Literal["own", "seed"], ...] = Field(default=("own", "seed"), strict=False)
    days: Annotated[int, Field(ge=1, le=365)] = 28
    concurrency: Annotated[int, Field(ge=1, le=32)] = 4
    deadline_minutes: Annotated[float, Field(gt=0, le=24 * 60)] = 90
    request_seconds: Annotated[float, Field(gt=0, le=600)] = 30
    terms_confirmed: Literal["enterprise", "owned"] | None = None
    budget_usd_per_month: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _one_token(self) -> "_Given":
        if self.token_file and self.token_secret:
            raise ValueError("token_file and token_secret exclude each other")
        on_loopback = (self.base_url or "").startswith(LOOPBACK)
        if (self.token_file or self.token_secret) and (self.base_url or "").startswith("http:") and not on_loopback:
            raise ValueError("a token is sent over https alone")
        return self


def configured(settings: Settings) -> list[str]:
    """Name the sources that `source.yml` switches on, in its order; no token is read.

    Raises `RefError` where the file says something unknown.
    """
    return list(_read(settings))


def is_configured(settings: Settings, name: str) -> bool:
    """Whether `source.yml` switches a source on.

    Raises `RefError` where there is no such source, or the file says something unknown.
    """
    return registry.pulled_source(name).name in _read(settings)


def read_source(settings: Settings, name: str, *, with_token: bool = True) -> Source:
    """Read one source and, unless `with_token` is false, its token.

    Raises `RefError` where it is not configured or the file is not usable, `SettingsError` where its token is not.
    """
    every = _read(settings)
    if name not in every:
        hint = f"name it in {settings.ref / 'source.yml'}, see docs/SOURCES.md"
        raise RefError(f"source {name!r}", "is not configured", known=list(every) or ["none yet"], hint=hint)
    given = every[name]
    secret = None
    if given.token_file and with_token:
        secret = credential.from_file(Path(given.token_file).expanduser())
    elif given.token_secret and with_token:
        secret = credential.from_backend(given.token_secret)
    options = given.model_dump(exclude={"token_file", "token_secret", "follower_lists", "base_url"})
    base_url = given.base_url.rstrip("/") if given.base_url else None
    return Source(
        name=name,
        secret=secret,
        base_url=base_url,
        follower_lists=tuple(dict.fromkeys(given.follower_lists)),
        **options,
    )


def _read(settings: Settings) -> dict[str, _Given]:
    path = settings.ref_file("source.yml")
    return {name: _given(path, name, about) for name, about in read_yaml(path).items()}


def _given(path: Path, name: Any, about: Any) -> _Given:
    if name not in registry.PULLED:
        raise RefError(f"source.yml: {name}", "is not a source that can be pulled", known=registry.PULLED)
    given = checked_part(_Given, about or {}, path, (name,))
    if not registry.PULLED[name].is_paid and (paid := [key for key in TERMS_KEYS if getattr(given, key) is not None]):
        raise RefError(f"source.yml: {name}", f"{paid[0]} is for paid sources only", hint="leave it out")
    return given
