"""The charts of a published night, as matplotlib figures: under ten people nothing is shown, the rest is rounded."""

from typing import TYPE_CHECKING

import duckdb

from pipelines.report import answers, figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Charts:
    """Draw a night as the report draws it. Each method raises `ValueError` where there is nothing to draw."""

    _con: duckdb.DuckDBPyConnection
    _bands: dict[str, float]

    def reach_chart(self, basis: str = "follower") -> "Figure":
        """Draw how much of each segment (column) each open account (row) covers."""
        from pipelines.report.charts import heat_map

        return heat_map(figures.reach(self._con), self._bands, basis)

    def overlap_chart(self, segment: str, platform: str, basis: str = "follower") -> "Figure":
        """Draw which sets of our accounts reach a segment's people on one platform."""
        from pipelines.report.charts import overlap_figure

        return overlap_figure(figures.signatures(self._con), segment, platform, self._bands, basis)

    def trend_chart(self, segment: str, platform: str) -> "Figure":
        """Draw a segment's weeks on one platform, a strip per account with its verdict."""
        from pipelines.report.trend_chart import trend_figure

        return trend_figure(answers.trend(self._con), answers.verdicts(self._con), segment, platform, self._bands)

    def home_chart(self, segment: str, platform: str, basis: str = "follower") -> "Figure":
        """Draw a segment's people on one platform by the distance of their home, a bar per account."""
        from pipelines.report.home_chart import home_figure

        return home_figure(answers.homes(self._con), answers.visitors(self._con), segment, platform, self._bands, basis)

    def interaction_chart(self, segment: str = "everyone", by_whom: str = "followers") -> "Figure":
        """Draw applause, conversation, amplification and the hostile share of answers, by `followers` or `segment`."""
        from pipelines.report.quality_chart import quality_figure

        return quality_figure(answers.interactions(self._con), self._bands, segment, by_whom)

    def frontier_chart(self, platform: str | None = None) -> "Figure":
        """Draw the reach that the best set of each size keeps."""
        from pipelines.report.frontier_chart import frontier_figure, read_frontier

        return frontier_figure(read_frontier(self._con), self._bands, platform)
