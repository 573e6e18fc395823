"""The report prints fair shares beside reach: they must not tell whom an account alone reaches."""

from functools import cache
from itertools import product

import pytest

from pipelines.release import disclosure
from pipelines.release.disclosure import Limits
from pipelines.report import tables

TEN_FIVE = Limits(10, 5)


@cache
def left(reach: float, fair: float, n_accounts: int) -> int:
    """How many values from 0 to 9 the exclusive people can have beside a printed reach and fair share, tried singly."""
    found = 0
    for alone, people in product(range(10), range(10, 1 + int(reach) + 2)):
        others = people - alone
        if others < 0 or disclosure.people(people, TEN_FIVE).number != reach:
            continue
        lo, hi = max(10, fair - 2.5), fair + 2.5
        if alone + others / n_accounts < hi and alone + others / 2 >= lo:
            found |= 1 << alone
    return found.bit_count()


@pytest.mark.parametrize("n_accounts", [2, 3, 9])
def test_a_fair_share_that_would_tell_the_exclusive_people_is_withheld(n_accounts: int) -> None:
    n_withheld = n_shown = 0
    for alone, others, tenths in product(range(10), range(60), range(11)):
        least, most = alone + others / n_accounts, alone + others / 2
        fair = least + (most - least) * tenths / 10
        row = {"reach_people": alone + others, "exclusive_people": alone, "fair_share_people": fair}
        printed = tables.fair_share(row, TEN_FIVE, n_accounts)
        reach = disclosure.people(alone + others, TEN_FIVE)
        if printed.number is not None and reach.number is not None:
            n_shown += 1
            assert left(reach.number, printed.number, n_accounts) >= TEN_FIVE.step, row
        n_withheld += printed == disclosure.NOT_SHOWN
    assert n_withheld > 0
    assert n_shown > n_withheld


def test_the_farmers_of_the_demo() -> None:
    """Twelve reached, eight of them by it alone: 10 and 10 were printed, and told 8 or 9."""
    row = {"reach_people": 12, "exclusive_people": 8, "fair_share_people": 10.0}
    assert left(10, 10, 9) == 2
    assert tables.fair_share(row, TEN_FIVE, 9) == disclosure.NOT_SHOWN
    assert tables.fair_share(row | {"exclusive_people": 12}, TEN_FIVE, 9).number == 10, "nothing to tell"
