"""A deleted user's values are listed no more, and no count becomes wrong."""

from collections import Counter

import pytest

from event_warehouse.lifecycle.forget import forget
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.integration.lifecycle.conftest import Deliver
from tests.integration.lifecycle.months import ask, visit

MOST = 1_000
VALUES = """
    select value, event_count from analytics.fct_key_values
    where key = 'request' order by value_hash
"""


@pytest.mark.long
def test_value_that_was_cut_off_does_not_take_the_place_of_one_that_was_deleted(
    settings: Settings, deliver: Deliver
) -> None:
    of_bob = [f"r{number}" for number in range(MOST + 100)]
    deliver(
        "visits/bob.json",
        "".join(
            visit(event_id=f"{value}-{time}", user_id="bob", request=value)
            for value in of_bob
            for time in range(2)
        ),
    )
    transform(settings)
    before = ask(settings, VALUES)
    assert len(before) == MOST
    shared, own = (
        str(before[7][0]),
        next(
            f"ada-{number}" for number in range(10_000) if is_listed(settings, number)
        ),
    )
    # The last of them is cut off by ada's, before which it had a place.
    cut_off = set(of_bob) - {str(value) for value, _ in before[:-1]}
    deliver(
        "visits/ada.json",
        visit(event_id="a1", user_id="ada", request=shared)
        + visit(event_id="a2", user_id="ada", request=own),
    )
    transform(settings)
    assert {(shared, 3), (own, 1)} < set(ask(settings, VALUES))

    forget(settings, tenant_id="acme", user_id="ada")
    deliver(
        "visits/late.json",
        "".join(
            visit(event_id=f"l-{one}", user_id="bob", request=one) for one in cut_off
        ),
    )
    transform(settings)

    # One place stays empty: the value that it cut off has more events than are known.
    after = ask(settings, VALUES)
    assert after == before[:-1]
    transform(settings, full_refresh=True)
    everything = Counter({value: 2 for value in of_bob})
    everything.update(cut_off)
    again = ask(settings, VALUES)
    assert len(again) == MOST
    assert all(everything[str(value)] == count for value, count in again)


def is_listed(settings: Settings, number: int) -> bool:
    """True if its hash is smaller than one of those that are kept."""
    ((is_smaller,),) = ask(
        settings,
        f"""
        select hashtextextended('ada-{number}', 0) < (
            select value_hash from analytics.fct_key_values
            where key = 'request' order by value_hash desc offset 1 limit 1
        )
        """,
    )
    return bool(is_smaller)
