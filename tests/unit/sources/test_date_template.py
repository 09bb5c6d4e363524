"""Names with dates: what they may hold, and which names a window has."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from event_warehouse.sources.date_template import days, hours, parse_template

HOURLY = "app/{year:04}/{month:02}/{day:02}/{hour:02}/**"


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{year:04}-{month:02}-{day:02}-{hour}.gz", "2026-01-02-3.gz"),
        ("{year}/{month}/{day}/{hour:02d}", "2026/1/2/03"),
        ("{year:05d}{month:02}{day:03}", "0202601002"),
        ("no date", "no date"),
        ("{{{year}}}", "{2026}"),
    ],
)
def test_fields_are_filled_in_as_they_are_written(text: str, name: str) -> None:
    assert parse_template(text).expand(at(2, 3, 59)) == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{minute}", r"has the field \{minute\}; it may have \{year\}"),
        ("{}", r"has the field \{\}"),
        ("{0}", r"has the field \{0\}"),
        ("{year.real}", r"has the field \{year.real\}"),
        ("{year[0]}", r"has the field \{year\[0\]\}"),
        ("{year!r}", r"has \{year!r\}; a field is written like \{year\}"),
        ("{year:04f}", r"has \{year:04f\}.*\{year:04\} with leading zeros"),
        ("{year}{month:2}", r"has \{month:2\}"),
        ("{year}{month:x}", r"has \{month:x\}"),
        ("{year:{month}}", r"has \{year:\{month\}\}"),
        ("{year:999999999}", r"has \{year:999999999\}"),
        ("{year", "expected '}'"),
        ("year}", "Single '}'"),
        ("{hour}", r"has \{hour\} without \{year\}"),
        ("{year}{day}", r"has \{day\} without \{month\}"),
        ("a\0b", "NUL"),
    ],
)
def test_what_is_no_template_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_template(text)


@pytest.mark.parametrize(
    ("text", "glob"),
    [
        (HOURLY, "app/*/*/*/*/**/*"),
        ("{year:04}{month:02}{day:02}.csv", "*.csv"),
        ("part-*{year}*.csv", "part-*.csv"),
        ("{year}-*{month}", "*-*"),
        ("**/{year}", "**/*"),
        ("**", "**/*"),
        ("a**", "a**"),
        ("clicks/**/*.csv*", "clicks/**/*.csv*"),
    ],
)
def test_any_date_is_a_star(text: str, glob: str) -> None:
    assert parse_template(text).as_glob == glob


def test_fields_are_told_from_coarse_to_fine() -> None:
    assert parse_template("{month}-{year}").fields == ("year", "month")


def test_window_ends_before_its_end() -> None:
    assert list(hours(at(1, 22), at(2, 1))) == [at(1, 22), at(1, 23), at(2, 0)]
    assert list(days(at(1), at(3))) == [at(1), at(2)]


def test_window_that_is_not_aligned_has_whole_hours_and_days() -> None:
    assert list(hours(at(1, 5, 30), at(1, 6, 1))) == [at(1, 5), at(1, 6)]
    assert list(days(at(1, 23, 59), at(2, 0, 1))) == [at(1), at(2)]


def test_window_of_another_zone_is_in_utc() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    start = datetime(2026, 1, 2, 0, 0, tzinfo=zone)

    found = list(hours(start, start + timedelta(hours=1)))

    assert found == [at(1, 18), at(1, 19)]
    assert {moment.tzinfo for moment in found} == {UTC}


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        (at(1), at(1), "the window ends at .*, not after its start"),
        (at(2), at(1), "the window ends at .*, not after its start"),
        (at(1).replace(tzinfo=None), at(2), "the window's start .* has no time zone"),
        (at(1), at(2).replace(tzinfo=None), "the window's end .* has no time zone"),
    ],
)
def test_window_that_is_none_is_refused(
    start: datetime, end: datetime, reason: str
) -> None:
    template = parse_template(HOURLY)
    for use in (hours, days, template.expand_window, template.window_globs):
        with pytest.raises(ValueError, match=reason):
            use(start, end)


def test_window_s_names_are_each_given_once() -> None:
    template = parse_template("{year:04}-{month:02}")

    assert template.expand_window(at(30), at(30) + timedelta(days=40)) == [
        "2026-01",
        "2026-02",
        "2026-03",
    ]
    assert parse_template("same").expand_window(at(1), at(9)) == ["same"]


def test_patterns_of_a_window_reach_an_hour_beyond_it() -> None:
    assert parse_template(HOURLY).window_globs(at(2, 0, 30), at(2, 1)) == [
        "app/2026/01/01/23/**/*",
        "app/2026/01/02/00/**/*",
        "app/2026/01/02/01/**/*",
    ]


def test_patterns_of_a_window_of_days_reach_the_days_beside_it() -> None:
    template = parse_template("app/{year}-{month}-{day}/*")

    assert template.window_globs(at(2), at(3)) == [
        "app/2026-1-1/*",
        "app/2026-1-2/*",
        "app/2026-1-3/*",
    ]


def test_day_that_is_in_the_window_as_a_whole_is_one_pattern() -> None:
    assert parse_template(HOURLY).window_globs(at(2), at(4)) == [
        "app/2026/01/01/23/**/*",
        "app/2026/01/02/*/**/*",
        "app/2026/01/03/*/**/*",
        "app/2026/01/04/00/**/*",
    ]
