"""Upper bounds of engaged and active reach hold the people whom lists of likers hide, by the real SQL.

True people are planted. What holds where lists deceive, and what does not, is said by the tests themselves.
"""

import duckdb
import numpy as np
import pytest

from tests.reach.planted_likers import SHOWS, Found, World, built, found, plant

N_WORLDS = 200
ENOUGH = (0.4, 0.5, 0.65, 0.8)
TOO_FEW = (0.05, 0.15, 0.3)
# Ways of hiding in which, of one post's likers, none is likelier to be shown than another; and the order of X.
FAIR = ("any likes", "a limit a post", "some posts only", "the newest a post")


def planted(shows: str, shares: tuple[float, ...]) -> tuple[list[World], duckdb.DuckDBPyConnection]:
    worlds = plant(np.random.default_rng(20261123), shows, shares, N_WORLDS)
    return worlds, built(worlds)


def where(of: Found, chosen: np.ndarray) -> Found:
    return Found(*(values[chosen] for values in (of.truth, of.seen, of.most, of.n_hidden_acts)))


@pytest.mark.parametrize("shows", FAIR)
def test_extrapolated_bounds_hold_the_truth_and_are_narrower_than_one_person_an_act(shows: str) -> None:
    worlds, con = planted(shows, ENOUGH)
    enough = np.array([one.seen_shares[0] >= 0.4 for one in worlds])
    assert enough.sum() > 0.8 * N_WORLDS
    for segment_id in ("everyone", "rider"):
        for basis in ("engaged", "active"):
            of = where(found(worlds, con, segment_id, basis), enough)
            assert (of.seen < of.truth).mean() > 0.3, "lists hide somebody"
            assert of.covered >= 0.93, (segment_id, basis, of.covered)
            assert of.of_hard_width < 0.5, (segment_id, basis, of.of_hard_width)


@pytest.mark.parametrize("shows", SHOWS)
def test_with_too_few_likes_seen_the_bounds_hold_the_truth_whatever_is_hidden(shows: str) -> None:
    worlds, con = planted(shows, TOO_FEW)
    few = np.array([one.seen_shares[1] < 0.4 for one in worlds])
    assert few.sum() > N_WORLDS / 2
    for segment_id in ("everyone", "rider"):
        for basis in ("engaged", "active"):
            assert where(found(worlds, con, segment_id, basis), few).covered == 1


def test_lists_that_show_the_keenest_first_deceive_the_extrapolation() -> None:
    """The limit of the method, so that nobody forgets it: who comes by once is hidden, and none of them is seen."""
    worlds, con = planted("the oldest a post", ENOUGH)
    assert found(worlds, con, "everyone").covered < 0.5


def test_without_the_unlisted_people_the_interval_would_miss_the_truth() -> None:
    worlds, con = planted("a limit a post", ENOUGH)
    of = found(worlds, con, "everyone")
    assert (of.truth <= of.seen).mean() < 0.5
