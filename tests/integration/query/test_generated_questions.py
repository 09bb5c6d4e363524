"""Whatever is asked, the answer is what plain Python counts from the same events."""

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings

from tests.integration.query.conftest import Ask
from tests.integration.query.expected import rows_of
from tests.integration.query.happenings import Event
from tests.integration.query.questions import questions


def distinct_by_day(key: str) -> dict[str, Any]:
    """What is answered from a table that few of the generated questions ask."""
    return {
        "start": "2025-03-29",
        "end": "2025-04-01",
        "weighted": False,
        "data": [
            {
                "name": "distinct",
                "filters": [{"type": "exists", "key": key}],
                "operations": [{"type": "unique", "keys": [key]}],
            }
        ],
        "bucket": "day",
        "time_zone": "UTC",
    }


def test_generated_questions_are_answered_as_plain_python_counts_them(
    ask_query: Ask, events: list[Event]
) -> None:
    sources: Counter[str] = Counter()

    @hypothesis_settings(
        max_examples=400,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(questions())
    @example(distinct_by_day("device_id"))
    @example(distinct_by_day("user_id"))
    def check(question: dict[str, Any]) -> None:
        answer = ask_query(question)
        sources.update(one.answered_from for one in answer.series)
        assert [tuple(row) for row in answer.rows()] == rows_of(
            question, events, "apex"
        )

    check()

    # Each table has been asked, or the others' answers say nothing of it.
    assert sources.keys() >= {
        "marts.tenant_events_daily",
        "marts.tenant_events_hourly",
        "marts.event_types_hourly",
        "analytics.rollup_events_1hr",
        "analytics.fct_device_activity_daily",
        "analytics.fct_user_sequences_daily",
        "analytics.fct_entity_activity_daily",
        "marts.tenant_events_5min",
        "analytics.rollup_events_5min",
        "analytics.events",
    }
