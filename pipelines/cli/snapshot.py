"""The published snapshot, opened for a command to read."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from pipelines.common.errors import PublishError
from pipelines.common.settings import Settings
from pipelines.warehouse import publish

NOTHING_PUBLISHED = "run stillreach nightly, or stillreach demo"


@contextmanager
def published(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published snapshot to read.

    Raises `PublishError` where there is none.
    """
    path = settings.published / publish.LINK
    if not path.exists():
        raise PublishError(publish.LINK, "is not there", hint=NOTHING_PUBLISHED)
    with duckdb.connect(str(path), read_only=True) as con:
        yield con


@contextmanager
def published_with_macros(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published snapshot to ask what closing accounts would do.

    Raises `PublishError` where there is none, or where it is older than these questions.
    """
    with published(settings) as con:
        if not con.execute("SELECT 1 FROM duckdb_functions() WHERE function_name = 'what_if'").fetchone():
            raise PublishError(publish.LINK, "is older than this question", hint="run stillreach nightly")
        yield con
