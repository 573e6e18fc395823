"""Errors that a scheduler does not retry, as class names for Airflow's retry rules."""

from pipelines.common.errors import NotRetryable, UserError

# An error that the user must correct, or a run that stopped on purpose.
NEVER_RETRIED: list[str | type[BaseException]] = [
    f"{error.__module__}.{error.__qualname__}" for error in (UserError, NotRetryable)
]
