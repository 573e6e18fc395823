"""Say in a sentence why an account reaches a community, no longer does, or why nobody can tell.

The sentences hold no count of people, so that they can be shown wherever the verdict is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from pipelines.reach.intervals import WINDOW_WEEKS

REACHES, NO_LONGER, CANNOT_TELL = "reaches", "no longer reaches", "cannot tell"


@dataclass(frozen=True)
class PairVerdict:
    """One account and segment with its verdict, and what that rests on; None for what nobody knows.

    `threshold` is a share of the segment where `is_share`, else people. `upper` is the upper bound of active reach, in
    the same unit, before chance. `covered_weeks` are those of the 13 weeks that the extracts cover.
    """

    verdict: str
    threshold: float
    is_share: bool
    people: float | None
    segment_people: float | None
    upper: float | None
    p_value: float | None
    covered_weeks: float
    is_silent: bool
    needed_weeks: float | None
    needed_people: float | None
    has_follower_list: bool
    reach_reason: str | None
    stale_reason: str | None
    last_posted_on: date | None

    def reason(self) -> str:
        """Give the sentences: why, and what data would decide where none does."""
        if self.stale_reason:
            return f"{self.stale_reason[:1].upper()}{self.stale_reason[1:]}."
        if self.people is None:
            return f"{self._missing_extracts()} would decide ({self.reach_reason})."
        if not self.segment_people:
            return "Nobody of the segment is seen on the platform."
        if self.verdict == REACHES:
            return f"Even the lower bound of its active reach is {self._threshold()} or more."
        if self.verdict == NO_LONGER:
            return f"Even the upper bound of its active reach is less than {self._threshold()}."
        causes = "; ".join(self._causes())
        return f"{causes[:1].upper()}{causes[1:]}.{self._what_would_decide()}"

    def _threshold(self) -> str:
        if self.is_share:
            return f"{self.threshold:.1%} of the segment".replace(".0%", "%")
        return f"{self.threshold:,.0f} people"

    def _missing_extracts(self) -> str:
        acts = f"{WINDOW_WEEKS} weeks of engagement extracts"
        if self.has_follower_list:
            return acts.capitalize()
        return f"Follower lists or {acts}"

    def _causes(self) -> Iterator[str]:
        if self.is_silent:
            yield f"no post of it came since {self.last_posted_on}: a silent account reaches nobody for certain"
        elif self.p_value is not None and self.p_value <= 0.05:
            yield "among so many pairs a result as clear as this may be chance"
        else:
            yield f"the threshold of {self._threshold()} lies within the interval of its active reach"
        if self.covered_weeks < WINDOW_WEEKS - 0.5:
            yield f"extracts cover {self.covered_weeks:.0f} of the {WINDOW_WEEKS} weeks"
        if self.upper is None:
            yield f"the lists lack people that nobody can count ({self.reach_reason})"

    def _what_would_decide(self) -> str:
        if self.needed_weeks is not None:
            return f" {self.needed_weeks:.0f} more weeks of extracts would decide, if nothing else changes."
        if self.is_silent:
            return " Posts, and the interactions with them, would decide."
        if self.needed_people is not None:
            return " More weeks alone would not decide; needed_people says how many active people would."
        return ""
