from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from event_warehouse.errors import FeedError
from event_warehouse.feeds import (
    EventField,
    Feed,
    choose_feed,
    read_feeds,
)
from event_warehouse.settings import PROJECT


def read(folder: Path, text: str) -> dict[str, Feed]:
    path = folder / "feeds.yml"
    path.write_text(text, encoding="utf-8")
    return read_feeds(path)


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(FeedError) as refused:
        read(folder, text)
    return str(refused.value)


def test_feeds_that_ship_are_declared_rightly() -> None:
    assert set(read_feeds(PROJECT / "feeds.yml")) == {
        "customer_events",
        "product_updates",
        "products",
        "app_events",
        "api_events",
        "tracked_events",
        "clickstream",
        "gharchive",
    }


def test_smallest_declaration_reads_every_field_under_its_own_name(
    tmp_path: Path,
) -> None:
    feed = read(tmp_path, "clicks: {files: clicks/*, format: csv}")["clicks"]

    assert feed.sources == {field: (field.value,) for field in EventField}
    assert feed.constants == {}
    assert feed.identity == ()
    assert feed.delimiter == ","
    assert feed.sessions == "inactivity"
    assert feed.time_format == "iso8601"
    assert feed.earliest == datetime(1970, 1, 1, tzinfo=UTC)
    assert feed.latest_ahead == timedelta(hours=1)


def test_mapped_field_is_read_from_its_input_field_alone(tmp_path: Path) -> None:
    feed = read(
        tmp_path,
        "clicks: {files: clicks/*, format: json_lines, fields: {user_id: actor.login}}",
    )["clicks"]

    assert feed.sources[EventField.USER_ID] == ("actor.login",)
    assert feed.sources[EventField.EVENT_ID] == ("event_id",)


def test_constant_field_is_not_read_from_the_input(tmp_path: Path) -> None:
    feed = read(
        tmp_path,
        "clicks: {files: clicks/*, format: csv, fields: {tenant_id: {constant: shop}}}",
    )["clicks"]

    assert feed.constants == {EventField.TENANT_ID: "shop"}
    assert EventField.TENANT_ID not in feed.sources


def test_event_time_may_be_constant(tmp_path: Path) -> None:
    feed = read(
        tmp_path,
        "clicks:\n"
        "  files: clicks/*\n"
        "  format: csv\n"
        "  fields: {event_time: {constant: '2025-01-01T00:00:00Z'}}\n",
    )["clicks"]

    assert feed.required_time_sources == ()


def test_file_time_may_stand_for_a_missing_event_time(tmp_path: Path) -> None:
    feed = read(
        tmp_path, "clicks: {files: c/*, format: csv, missing_event_time: file_time}"
    )["clicks"]

    assert feed.required_time_sources == ()


def test_joined_field_has_each_of_its_sources(tmp_path: Path) -> None:
    feed = read(
        tmp_path,
        "clicks: {files: c/*, format: csv, fields:"
        " {entity_id: {join: [code, rev], separator: '/'}}}",
    )["clicks"]

    assert feed.sources[EventField.ENTITY_ID] == ("code", "rev")
    assert feed.separators == {EventField.ENTITY_ID: "/"}
    assert feed.declared_sources == {"code", "rev"}


def test_identity_all_is_every_field_that_may_identify_and_the_attributes(
    tmp_path: Path,
) -> None:
    feed = read(tmp_path, "clicks: {files: c/*, format: csv, identity: all}")["clicks"]

    assert set(EventField) - set(feed.identity) == {
        EventField.TENANT_ID,
        EventField.EVENT_TIME,
        EventField.SAMPLE_RATE,
    }
    assert feed.identified_by_attributes


def test_how_far_ahead_times_may_be_is_kept_as_seconds(tmp_path: Path) -> None:
    feed = read(tmp_path, "clicks: {files: c/*, format: csv, latest_ahead: P365D}")

    kept = feed["clicks"].model_dump(mode="json")
    assert kept["latest_ahead"] == "31536000.000000 seconds"


def test_missing_file_is_refused_by_its_path(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match=r"nothing\.yml can't be read: .*No such file"):
        read_feeds(tmp_path / "nothing.yml")


def test_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "feeds.yml"
    path.write_bytes(b"clicks: {files: '\xff'}")

    with pytest.raises(FeedError, match=r"can't be read: .*utf-8"):
        read_feeds(path)


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]", "- clicks", "clicks", "{}"])
def test_file_without_a_feed_is_refused(tmp_path: Path, text: str) -> None:
    assert refusal(tmp_path, text).endswith("declares no feed")


def test_file_that_is_no_yaml_is_refused_with_the_line(tmp_path: Path) -> None:
    assert "line 2" in refusal(tmp_path, "clicks:\n  files: [")


@pytest.mark.parametrize("text", ["clicks:", "clicks: csv", "clicks: [files]"])
def test_entry_without_a_declaration_is_refused_by_name(
    tmp_path: Path, text: str
) -> None:
    assert refusal(tmp_path, text).endswith("feed 'clicks' has no declaration")


@pytest.mark.parametrize(
    ("declaration", "reason"),
    [
        ("{format: csv}", "files: is missing"),
        ("{files: c/*}", "format: is missing"),
        ("{files: c/*, format: xml}", "format: must be 'csv', 'json_l"),
        ("{files: /etc/*, format: csv}", "files: '/etc/*' must be a pattern below"),
        ("{files: c/../../*, format: csv}", "'c/../../*' must be a pattern below"),
        ("{files: '', format: csv}", "files: '' must be a pattern below"),
        ("{files: [], format: csv}", "files: Tuple should have at least 1 item"),
        ("{files: [c/*, 'c/**.csv'], format: csv}", "'c/**.csv' has ** beside"),
        ("{files: 'c/{minute}/*', format: csv}", "has the field {minute}"),
        ("{files: c/*, format: csv, url: 'ftp://x/y'}", "url: 'ftp://x/y' must start"),
        ("{files: c/*, format: csv, url: 'http://x/{hour}'}", "{hour} without {year}"),
        ("{files: c/*, format: csv, feilds: {}}", "feilds: is not known here"),
        ("{files: c/*, format: csv, name: other}", "name"),
        ("{files: c/*, format: csv, fields: {colour: c}}", "fields.colour: the name m"),
        ("{files: c/*, format: csv, fields: {user_id: ''}}", "fields.user_id"),
        ("{files: c/*, format: csv, fields: {user_id: 7}}", "fields.user_id"),
        (
            "{files: c/*, format: csv, fields: {user_id: {constant: ''}}}",
            "fields.user_id",
        ),
        (
            "{files: c/*, format: csv, fields: {user_id: {constant: a, or: b}}}",
            "fields.user_id",
        ),
        (
            "{files: c/*, format: csv, fields: {user_id: actor.login}}",
            "fields.user_id: a CSV file has no nested 'actor.login'",
        ),
        (
            "{files: c/*, format: csv, delimiter: ''}",
            "delimiter: must be one character",
        ),
        ("{files: c/*, format: csv, delimiter: '||'}", "delimiter: must be one c"),
        ("{files: c/*, format: csv, delimiter: '\"'}", "delimiter: must be one c"),
        ('{files: c/*, format: csv, delimiter: "\\n"}', "delimiter: must be one c"),
        (
            "{files: c/*, format: csv, identity: [colour]}",
            "identity.0: must be 'tenant_id'",
        ),
        ("{files: c/*, format: csv, identity: [tenant_id]}", "always identify; leave"),
        ("{files: c/*, format: csv, identity: [event_time]}", "always identify; lea"),
        ("{files: c/*, format: csv, time_format: rfc822}", "time_format: must be"),
        ("{files: c/*, format: csv, earliest: 2020-01-01}", "earliest: "),
        ("{files: c/*, format: csv, earliest: '2020-01-01T00:00:00'}", "timezone"),
        ("{files: c/*, format: csv, latest_ahead: soon}", "latest_ahead: "),
        ("{files: c/*, format: csv, latest_ahead: -3600}", "latest_ahead: Input"),
        ("{files: c/*, format: csv, unwrap: data}", "unwrap: a CSV file has nothing"),
        (
            "{files: c/*, format: csv, fields: {user_id: {join: [a, b.c]}}}",
            "fields.user_id: a CSV file has no nested 'b.c'",
        ),
        ("{files: c/*, format: csv, fields: {user_id: {join: []}}}", "fields.user_id"),
        ("{files: c/*, format: json, fields: {user_id: a..b}}", "fields.user_id"),
        ("{files: c/*, format: csv, attributes: {lat: float}}", "attributes.lat: "),
        ("{files: c/*, format: csv, identity: [sample_rate]}", "does not identify"),
        ("{files: c/*, format: csv, time_format: version_number}", "only a reference"),
        ("{files: c/, format: csv}", "files: the pattern 'c/' names no files"),
        (
            "{files: c/*, format: csv, fields: {user_id: u}, attributes: {u: text}}",
            "attributes.u: it is the event's user_id",
        ),
        (
            "{files: c/*, format: json, attributes: {a.b: text, a_b: text}}",
            "attributes.a_b: it would be the same column as a.b",
        ),
        ("{files: c/*, format: csv, kind: reference}", "fields.entity_id: a reference"),
        (
            "{files: c/*, format: csv, kind: reference, fields: {entity_id: code}}",
            "fields.event_time: a reference feed needs a version",
        ),
        (
            "{files: c/*, format: csv, kind: reference, identity: [event_id],"
            " fields: {entity_id: code, event_time: rev}}",
            "identity: of a reference feed it is key and version",
        ),
        (
            "{files: c/*, format: csv, kind: reference, sessions: session_id,"
            " fields: {entity_id: code, event_time: at}}",
            "sessions: a reference feed has none",
        ),
        ("{files: c/*, format: csv, sessions: by_user}", "sessions: must be"),
    ],
)
def test_wrong_declaration_is_refused_by_entry_and_reason(
    tmp_path: Path, declaration: str, reason: str
) -> None:
    message = refusal(tmp_path, f"clicks: {declaration}")

    assert message.startswith(f"{tmp_path / 'feeds.yml'}: feed 'clicks': ")
    assert reason in message


@pytest.mark.parametrize(
    "name", ["Clicks", "2clicks", "click-s", "''", "7", "c" * 41, '"c;drop"', "true"]
)
def test_wrong_name_is_refused(tmp_path: Path, name: str) -> None:
    message = refusal(tmp_path, f"{name}: {{files: c/*, format: csv}}")

    assert ": name: " in message


def test_one_wrong_entry_refuses_the_file_whatever_else_is_right(
    tmp_path: Path,
) -> None:
    message = refusal(
        tmp_path, "views: {files: v/*, format: csv}\nclicks: {files: c/*, format: no}"
    )

    assert "feed 'clicks': format" in message


def test_feed_is_chosen_by_name(tmp_path: Path) -> None:
    feeds = read(
        tmp_path,
        "views: {files: v/*, format: csv}\nclicks: {files: c/*, format: csv}",
    )

    assert choose_feed(feeds, "clicks").files == ("c/*",)


def test_unknown_feed_is_refused_with_the_names_there_are(tmp_path: Path) -> None:
    feeds = read(
        tmp_path,
        "views: {files: v/*, format: csv}\nclicks: {files: c/*, format: csv}",
    )

    with pytest.raises(FeedError, match="no feed 'click'; declared are views, clicks"):
        choose_feed(feeds, "click")


def test_entry_that_stands_twice_is_refused(tmp_path: Path) -> None:
    clicks = "clicks: {files: c/*, format: csv}\n"

    assert "'clicks' is declared twice" in refusal(tmp_path, clicks * 2)


def test_feed_with_a_name_that_dbt_gives_to_a_table_is_refused(tmp_path: Path) -> None:
    project = PROJECT / "dbt_project"
    layers = yaml.safe_load((project / "dbt_project.yml").read_text())["models"]
    names = {
        model.stem
        for layer, config in layers["event_warehouse"].items()
        if isinstance(config, dict) and config.get("+schema") == "analytics"
        for model in (project / "models" / layer).rglob("*.sql")
    }
    assert {"events", "stg_loads", "int_repeats", "rollup_events_5min"} <= names

    for name in [*names, "events_2025_01"]:
        message = refusal(tmp_path, f"{name}: {{files: c/*, format: csv}}")

        assert f"{name} is a table's name" in message


def test_feed_with_a_name_like_a_table_s_is_none(tmp_path: Path) -> None:
    names = {"app_events", "eventful", "dimensions", "reference"}

    declared = read(
        tmp_path,
        "".join(f"{name}: {{files: {name}/*, format: csv}}\n" for name in names),
    )

    assert declared.keys() == names
