"""What the tests of deployments share."""

from tests.cli.conftest import stillreach

__all__ = ["stillreach"]
