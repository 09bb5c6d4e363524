"""What declared funnels have of days whose events have expired."""

from dataclasses import replace
from datetime import date

import pytest

from event_warehouse.lifecycle.expire import expire
from event_warehouse.settings import Settings
from event_warehouse.transform.run import transform
from tests.integration.lifecycle.conftest import Deliver
from tests.integration.lifecycle.months import ask, visit

FUNNELS = """
as_before:
  steps: [view, {step: cart on ios, event_type: cart, where: {platform: [ios]}}]
  window: 1 day
of_types:
  steps: [view, %s]
  window: 1 day
of_platforms:
  steps: [view, {step: on a platform, event_type: cart, where: {platform: [%s]}}]
  window: 1 day
"""
COUNTS = """
    select funnel, first_date::text, array_agg(user_count order by step_number)
    from marts.funnels group by 1, 2 order by 1, 2
"""


@pytest.mark.long
def test_changed_funnel_has_earlier_days_only_of_steps_that_are_event_types(
    settings: Settings, deliver: Deliver
) -> None:
    settings = replace(settings, funnels=settings.home / "funnels.yml")
    settings.funnels.write_text(FUNNELS % ("cart", "ios"))
    deliver(
        "visits/a.json",
        "".join(
            visit(event_id=f"{user}{day}{hour}", at=f"{day}T0{hour}:00:00Z", **fields)
            for day in ("2025-01-10", "2025-03-10")
            for user, platform in (("ada", "ios"), ("bob", "web"))
            for hour, fields in enumerate(
                (
                    {"user_id": user, "event_type": "view"},
                    {"user_id": user, "event_type": "cart", "platform": platform},
                    {"user_id": user, "event_type": "buy"},
                )[: 3 if user == "ada" else 2]
            )
        ),
    )
    transform(settings)
    expire(settings, events_before=date(2025, 2, 1))
    january, march = "2025-01-10", "2025-03-10"
    assert ask(settings, COUNTS) == [
        ("as_before", january, [2, 1]),
        ("as_before", march, [2, 1]),
        ("of_platforms", january, [2, 1]),
        ("of_platforms", march, [2, 1]),
        ("of_types", january, [2, 2]),
        ("of_types", march, [2, 2]),
    ]

    settings.funnels.write_text(FUNNELS % ("buy", "ios, web"))
    transform(settings)

    assert ask(settings, COUNTS) == [
        ("as_before", january, [2, 1]),
        ("as_before", march, [2, 1]),
        # Of events that are kept.
        ("of_platforms", march, [2, 2]),
        # Of the users' sequences, which stay.
        ("of_types", january, [2, 1]),
        ("of_types", march, [2, 1]),
    ]
