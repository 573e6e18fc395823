"""What the tests of commands share."""

import pytest

from tests.cli.command import Stillreach, runner


@pytest.fixture
def stillreach(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Stillreach:
    """Run a command in this process; give exit code, standard output and standard error."""
    return runner(capsys, monkeypatch)
