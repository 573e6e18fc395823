"""A token is read from where nobody else reads, and is shown nowhere: not in a log, an error, a journal, a pickle."""

import copy
import json
import logging
import os
import pickle
import subprocess
import sys
import traceback
from pathlib import Path

import httpx
import pytest

from pipelines.common.errors import PlatformRefusedError, SettingsError, StillreachError
from pipelines.common.settings import ROOT
from pipelines.extract.pulls import journal, pull
from pipelines.extract.pulls.credential import Secret, from_file, hidden
from pipelines.extract.pulls.journal import FILE
from pipelines.extract.pulls.listing import Listing, Page
from tests.extract.fake_platform import Connector, World
from tests.extract.loopback import Answer, Request, serve

TOKEN = "AAAAAAAA-token-nobody-may-see"

# Airflow settles its home when it is first imported: asked in a process of its own.
ASK = f"""
import json, os
from pipelines.common.errors import SettingsError
from pipelines.extract.pulls.credential import from_backend

def asked(key, **environment):
    os.environ.update(environment)
    try:
        secret = from_backend(key)
        return [repr(secret), secret.reveal() == {TOKEN!r}]
    except SettingsError as failure:
        return [str(failure), {TOKEN!r} in str(failure)]

LOCAL = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
print("ASKED" + json.dumps([
    asked("x_token"),
    asked("x_token", AIRFLOW__SECRETS__BACKEND="airflow.secrets.environment_variables.EnvironmentVariablesBackend"),
    asked("x_token", AIRFLOW__SECRETS__BACKEND="airflow.secrets.metastore.MetastoreBackend"),
    asked("x_token", AIRFLOW__SECRETS__BACKEND=LOCAL, AIRFLOW__SECRETS__BACKEND_KWARGS=os.environ["TEST_KWARGS"]),
    asked("another", AIRFLOW__SECRETS__BACKEND=LOCAL),
    asked("x_token", AIRFLOW__SECRETS__BACKEND=LOCAL, AIRFLOW__SECRETS__BACKEND_KWARGS='{{"{TOKEN}": 1}}'),
]))
"""


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(TOKEN)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret!r:>40}", f"{[secret]}", "%s" % secret]  # noqa: UP031
    assert not any("nobody" in one for one in shown)
    assert secret.reveal() == TOKEN and secret == Secret(TOKEN) and secret != Secret(TOKEN + "x")
    with pytest.raises(TypeError, match="not copied, pickled or sent"):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps({"token": secret})
    assert copy.deepcopy(secret) is secret and not hasattr(secret, "__dict__")


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (TOKEN, 0o644, "mode 0644"),
        (TOKEN, 0o600, "mode 0600"),
        ("short", 0o400, "holds no token"),
        (f"Bearer {TOKEN}", 0o400, "holds no token"),
        (f"{TOKEN}\n{TOKEN}", 0o400, "holds no token"),
        ("gehe\u00efm-geheim", 0o400, "cannot be read"),
    ],
)
def test_a_file_that_is_no_token_of_its_owner_alone_is_refused(
    tmp_path: Path, content: str, mode: int, why: str
) -> None:
    path = tmp_path / "x.token"
    path.write_text(content, encoding="utf-8")
    path.chmod(mode)
    with pytest.raises(SettingsError, match=why) as caught:
        from_file(path)
    assert content not in str(caught.value)


def test_a_file_of_mode_0400_is_read_and_a_missing_one_said(tmp_path: Path) -> None:
    path = tmp_path / "x.token"
    with pytest.raises(SettingsError, match="is not there"):
        from_file(path)
    path.write_text(f"{TOKEN}\n")
    path.chmod(0o400)
    assert from_file(path) == Secret(TOKEN)


def test_the_configured_backend_is_asked_and_neither_environment_nor_database(tmp_path: Path) -> None:
    (tmp_path / "variables.json").write_text(json.dumps({"x_token": TOKEN}))
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW_VAR_X_TOKEN": "from-the-environment",
        "TEST_KWARGS": json.dumps({"variables_file_path": str(tmp_path / "variables.json")}),
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    line = next((one for one in done.stdout.splitlines() if one.startswith("ASKED")), None)
    assert line, done.stderr
    nothing, from_environment, from_database, right, unknown, broken = json.loads(line.removeprefix("ASKED"))
    for refused in (nothing, from_environment, from_database):
        assert "no secrets backend" in refused[0]
    assert right == ["***", True]
    assert "holds no token" in unknown[0]
    assert "the secrets backend failed (TypeError)" in broken[0] and not broken[1]


def test_no_token_reaches_a_log_whichever_library_writes_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with hidden(Secret(TOKEN)):
        logging.getLogger("urllib3").debug("GET %s %r", "/2/users", {"authorization": f"Bearer {TOKEN}"})
        logging.getLogger("any").info(f"with {TOKEN}")
        try:
            raise ValueError(TOKEN)
        except ValueError:
            logging.getLogger("any").exception("failed")
        logging.getLogger("any").info("nothing %s", "secret")
    logging.getLogger("any").info("after %s", "it")
    assert TOKEN not in caplog.text
    assert caplog.text.count("***") == 3 and "ValueError" in caplog.text
    assert "nothing secret" in caplog.text and "after it" in caplog.text


def test_no_token_leaves_a_pull_even_where_a_platform_echoes_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """The server puts the token into answers, headers and errors; the connector into its own error."""
    world = World(["a", "b", TOKEN])
    caplog.set_level(logging.DEBUG)

    def answer(request: Request) -> Answer:
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
        if request.path == "/posts":
            return Answer(401, {"error": TOKEN}, {"x-echo": TOKEN})
        return Answer(200, world(request).body | {TOKEN: 1}, {"x-echo": TOKEN})

    class Careless(Connector):
        async def page(self, listing: Listing, cursor: str | None) -> Page:
            try:
                return await super().page(listing, cursor)
            except PlatformRefusedError:
                try:
                    raise httpx.HTTPError(f"401 for Bearer {TOKEN}")
                except httpx.HTTPError as chained:
                    raise PlatformRefusedError("careless", f"refused {TOKEN}") from chained

    with serve(answer) as server, hidden(Secret(TOKEN)):
        connector = Careless(server.url, token=TOKEN)
        first = connector.first_lists()
        with pytest.raises(StillreachError) as caught:
            pull.pull(connector, first, tmp_path, pull.Options(concurrency=1, secret=Secret(TOKEN)))
    whole = "".join(traceback.format_exception(caught.value)) + repr(caught.value.args)
    assert TOKEN not in whole and "refused ***" in whole
    assert caught.value.__cause__ is None and caught.value.__context__ is None
    assert TOKEN not in (tmp_path / FILE).read_text() and "***" in (tmp_path / FILE).read_text()
    book = journal.reading(tmp_path)
    assert book and TOKEN not in repr(book)
    assert TOKEN not in caplog.text
    assert TOKEN not in "".join(capfd.readouterr())
