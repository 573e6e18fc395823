"""Every error a user can meet, with its exit code. This module imports nothing of Stillreach but `visible`.

Three kinds. `UserError`: the input or the set-up is wrong; shown without a traceback, never retried.
`NotRetryable`: the run stopped on purpose. `Retryable`: trying again later may work.
A message never holds personal data: only counts and the names of columns, files and tables.
"""

from collections.abc import Iterable

from pipelines.common.visible import visible


class StillreachError(Exception):
    """An error as one message: the thing, what was found, the known values, and a hint."""

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
        super().__init__(visible(" ".join(parts)))

    def message(self) -> str:
        """Give the error as one line: the name of its class, then its text."""
        return f"{type(self).__name__}: {self}"


class UserError(StillreachError):
    """The user can correct this; a retry without a change will fail again."""


class NotRetryable(StillreachError):
    """The run stopped on purpose."""


class Retryable(StillreachError):
    """Trying again later may work."""

    exit_code = 10


class SettingsError(UserError):
    """A folder, a key or an option is missing or unusable."""

    exit_code = 3


class KeyFileError(SettingsError):
    """The pseudonym key is missing, readable by others, or too short."""


class DeliveryError(UserError):
    """A drop cannot be landed: nothing of it was stored, and the drop is unchanged."""

    exit_code = 4


class UnreadableFileError(DeliveryError):
    """A file is truncated, corrupted, empty, or not what its name says."""


class SchemaError(DeliveryError):
    """A required column is missing, or a file is not in the extract contract."""


class UnusableRowsError(DeliveryError):
    """Rows of a drop hold values that no night could use."""


class RoundedIdsError(DeliveryError):
    """Ids have lost their last digits, or many rows hold a few ids."""


class LandedFileChangedError(NotRetryable):
    """A landed file no longer has the bytes that its manifest records."""

    exit_code = 4


class RefError(UserError):
    """A reference file is invalid."""

    exit_code = 5


class SegmentDefinitionError(RefError):
    """A segment's definition is invalid."""


class RefusedSegmentError(SegmentDefinitionError):
    """A segment concerns something that a public body may not infer about people (docs/POLICY.md)."""


class ModelError(NotRetryable):
    """A model or its contract is wrong: an error in Stillreach, not in the data."""

    exit_code = 6


class ValidationStop(NotRetryable):
    """A critical expectation failed: the run stops before anything is published."""

    exit_code = 7


class StaleDataError(NotRetryable):
    """Every extract is older than its rhythm allows: the night would describe the past as the present."""

    exit_code = 12


class NothingLandedError(UserError):
    """There is no landed delivery to build the night from."""

    exit_code = 8


class PublishError(NotRetryable):
    """A snapshot failed its smoke test, or there is no earlier snapshot to return to."""

    exit_code = 9


class NoRoomError(Retryable):
    """The disk or the memory is full."""


class NotWritableError(Retryable):
    """A folder is read-only, or the pipeline's user may not write it."""


class LandingStoreError(Retryable):
    """The object store that holds the landing area does not respond."""


class BusyError(Retryable):
    """Another process holds the warehouse or the publish lock."""


class PlatformBusyError(Retryable):
    """A platform did not respond, or asked us to wait `wait_seconds` (None: it named no time)."""

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


class PlatformRefusedError(UserError):
    """A platform refuses us: credentials, terms or budget; a retry will fail again."""

    exit_code = 11


class ListRefusedError(UserError):
    """One list is not available (deleted, hidden or not ours); other lists of the account may be."""

    exit_code = 11
