"""The report of a published night: one page for a board, and its charts for slides."""

from pipelines.report.page import write_report

__all__ = ["write_report"]
