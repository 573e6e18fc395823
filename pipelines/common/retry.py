"""Which errors a scheduler does not retry, as names of classes for Airflow's retry rules."""

from pipelines.common.errors import NotRetryable, YoursToFix

# A fault that a person must correct, or a night stopped on purpose.
NEVER_RETRIED: list[str | type[BaseException]] = [
    f"{error.__module__}.{error.__qualname__}" for error in (YoursToFix, NotRetryable)
]
