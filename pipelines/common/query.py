"""Read the SQL that Python runs with parameters: `sql/query/<area>/<name>.sql`, one statement a file."""

from functools import cache

from pipelines.common.errors import ModelError
from pipelines.common.settings import SQL


@cache
def query(name: str) -> str:
    """Read the query `area/name`.

    Raises `ModelError` where there is no such file.
    """
    folder = SQL / "query"
    path = folder / f"{name}.sql"
    if not path.is_file():
        known = sorted(str(one.relative_to(folder).with_suffix("")) for one in folder.rglob("*.sql"))
        raise ModelError(f"query {name!r}", "does not exist", known=known)
    return path.read_text(encoding="utf-8")
