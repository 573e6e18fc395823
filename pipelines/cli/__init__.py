"""The command line: `app` and one module for each group of commands."""
