"""Every error a person can meet, with its exit code. The floor: imports nothing of ours.

Three kinds. `YoursToFix`: the input or the set-up is wrong; shown without a traceback, never retried.
`NotRetryable`: the night stopped on purpose. `Retryable`: trying again later may work.
No message ever holds a value of a person: counts, column, file and table names only.
"""

from collections.abc import Iterable


class StillreachError(Exception):
    """An error said in one sentence: the thing, what was found, what is known, and a hint."""

    exit_code = 1

    def __init__(
        self,
        thing: str,
        found: str,
        *,
        known: Iterable[str] = (),
        hint: str = "",
    ) -> None:
        parts = [f"{thing}: {found}."]
        if known := ", ".join(known):
            parts.append(f"Known: {known}.")
        if hint:
            parts.append(f"Hint: {hint}.")
        super().__init__(" ".join(parts))

    def said(self) -> str:
        """The error as one line: its name, then its sentence."""
        return f"{type(self).__name__}: {self}"


class YoursToFix(StillreachError):
    """The caller can mend this; trying again without a change will not help."""


class NotRetryable(StillreachError):
    """The night stopped on purpose."""


class Retryable(StillreachError):
    """Trying again later may work."""

    exit_code = 10


class SettingsError(YoursToFix):
    """A folder, a key or an option is missing or unusable."""

    exit_code = 3


class KeyFileError(SettingsError):
    """The pseudonym key is missing, readable by others, or too short."""


class DeliveryError(YoursToFix):
    """A drop cannot be landed: nothing of it was kept, the drop is as it was."""

    exit_code = 4


class UnreadableFileError(DeliveryError):
    """A file is cut off, corrupted, empty, or not what its name says."""


class SchemaError(DeliveryError):
    """A required column is missing, or a file is none of the extract contract."""


class LandedFileChangedError(NotRetryable):
    """A landed file no longer has the bytes its manifest says."""

    exit_code = 4


class RefError(YoursToFix):
    """A file under `sql/ref` is not usable."""

    exit_code = 5


class SegmentDefinitionError(RefError):
    """A segment's definition is not usable."""


class RefusedSegmentError(SegmentDefinitionError):
    """A segment is about what no public body may infer of people (docs/POLICY.md)."""


class ModelError(NotRetryable):
    """A model or its contract is wrong: a fault of ours, not of the data."""

    exit_code = 6


class ValidationStop(NotRetryable):
    """A critical expectation failed: the night stops before anything is published."""

    exit_code = 7


class NothingLandedError(YoursToFix):
    """There is no landed delivery to build the night from."""

    exit_code = 8


class PublishError(NotRetryable):
    """A snapshot failed its smoke test, or there is none to go back to."""

    exit_code = 9


class NoRoomError(Retryable):
    """The disk or the memory is full."""


class LandingStoreError(Retryable):
    """The object store that holds the landing area does not answer."""


class BusyError(Retryable):
    """Another process holds the warehouse or the publish lock."""


class PlatformBusyError(Retryable):
    """A platform did not answer, or asked to wait; `wait_seconds` is what it asked for, where it did."""

    def __init__(
        self,
        thing: str,
        found: str,
        *,
        wait_seconds: float | None = None,
        known: Iterable[str] = (),
        hint: str = "",
    ) -> None:
        super().__init__(thing, found, known=known, hint=hint)
        self.wait_seconds = wait_seconds


class PlatformRefusedError(YoursToFix):
    """A platform refuses us: credentials, terms or budget; asking again will not help."""

    exit_code = 11


class ListRefusedError(YoursToFix):
    """One list is not to be had (gone, hidden, not ours); the others of the account are."""

    exit_code = 11
