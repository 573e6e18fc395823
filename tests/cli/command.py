"""Run a command of Stillreach in the process of a test."""

import os
import sys
from collections.abc import Callable

import pytest

from pipelines.cli import app
from pipelines.cli.screen import screen

Stillreach = Callable[..., tuple[int, str, str]]


class Left(BaseException):
    """The process would have ended here."""


def runner(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Stillreach:
    """Give a function that runs a command; it returns exit code, standard output and standard error."""

    monkeypatch.setattr(screen, "width", 300)

    def leave(code: int) -> None:
        raise Left(code)

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["stillreach", *words])
        monkeypatch.setattr(os, "_exit", leave)
        with pytest.raises(Left) as left:
            app.main()
        errors = capsys.readouterr()
        return left.value.args[0], errors.out, errors.err

    return run
