import inspect
import re
import tempfile
from pathlib import Path

import pytest

from event_warehouse.errors import SettingError
from event_warehouse.producer import Producer, settings
from event_warehouse.producer.destinations import check_requirements
from event_warehouse.producer.settings import ProducerSettings, read_producer_settings

STREAM = "firehose://events"


def read(**values: str) -> ProducerSettings:
    return read_producer_settings(
        {f"EVENTS_{key.upper()}": value for key, value in values.items()}
    )


def refusal(**values: str) -> str:
    with pytest.raises(SettingError) as refused:
        read(**values)
    return str(refused.value)


def test_empty_environment_means_to_log_only() -> None:
    found = read()

    assert not found.sends
    assert found.environment is None
    assert found.destination.geturl() == "log:"
    assert found.spool_bytes == 256 * 1024 * 1024


@pytest.mark.parametrize("environment", ["staging", "development", "ci", "test", ""])
def test_outside_production_nothing_is_sent(environment: str) -> None:
    found = read(environment=environment, destination=STREAM)

    assert not found.sends
    assert found.defaults["environment"] == (environment or None)


def test_production_sends() -> None:
    assert read(environment="production", destination=STREAM).sends


def test_production_may_be_told_to_send_nowhere() -> None:
    assert not read(environment="production", destination="log:").sends


def test_production_without_a_destination_is_refused() -> None:
    assert refusal(environment="production").startswith("EVENTS_DESTINATION is missing")


@pytest.mark.parametrize("environment", ["prod", "Production", "live", " ci"])
def test_environment_of_another_name_is_refused(environment: str) -> None:
    assert refusal(environment=environment).startswith(
        f"EVENTS_ENVIRONMENT is {environment!r}; it must be one of production,"
    )


@pytest.mark.parametrize(
    "destination",
    [
        "firehose://Events_1.x-y?region=eu-west-1&endpoint_url=http://127.0.0.1:1",
        "https://events.example.org/events",
        "http://127.0.0.1:8000/events",
        "file:///srv/landing/tracked_events",
        "file://localhost/srv",
        "log:",
    ],
)
def test_destination_of_each_kind_is_taken(destination: str) -> None:
    assert read(destination=destination).destination.geturl() == destination


@pytest.mark.parametrize(
    ("destination", "reason"),
    [
        ("kafka://events", "must start with firehose://"),
        ("/srv/events", "must start with firehose://"),
        ("firehose://", "must be firehose://<stream>"),
        ("firehose://a b", "must be firehose://<stream>"),
        ("firehose://events/more", "may have region and endpoint_url"),
        ("firehose://events?regoin=eu", "may have region and endpoint_url"),
        ("firehose://events?region", "has a query that can't be read"),
        ("https:///events", "names no host"),
        ("https://ada:s3cret@host/events", "holds a user or password"),
        ("file://srv/events", "must be file:///<folder>"),
        ("file:///", "must be file:///<folder>"),
        ("https://[::1/events", "Invalid IPv6 URL"),
    ],
)
def test_destination_of_another_kind_is_refused_and_not_repeated(
    destination: str, reason: str
) -> None:
    message = refusal(destination=destination)

    assert message.startswith(f"EVENTS_DESTINATION {reason}")
    assert "s3cret" not in message


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "1e9", "256M"])
def test_spool_size_that_is_no_number_of_bytes_is_refused(text: str) -> None:
    assert refusal(spool_bytes=text).startswith(f"EVENTS_SPOOL_BYTES is {text!r}")


def test_key_that_no_header_can_hold_is_refused_and_not_repeated() -> None:
    message = refusal(api_key="s3cret\nX-Evil: 1")

    assert message.startswith("EVENTS_API_KEY")
    assert "s3cret" not in message


def test_key_is_not_shown_with_the_settings() -> None:
    assert "s3cret" not in repr(read(api_key="s3cret"))


@pytest.mark.parametrize("key", ["service", "tenant"])
def test_default_that_no_event_may_have_is_refused(key: str) -> None:
    assert refusal(**{key: "x" * 1001}).startswith(f"EVENTS_{key.upper()} has 1001")


def test_spool_is_the_user_s_and_the_destination_s_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    one, other = read(destination=STREAM).spool, read(destination=STREAM + "2").spool

    assert one.parent == other.parent == tmp_path / ".local/state/event-warehouse"
    assert one != other
    assert one == read(destination=STREAM).spool
    assert not one.exists()


def test_spool_of_a_user_without_a_home_is_in_the_temporary_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")

    assert read().spool.is_relative_to(tempfile.gettempdir())


def test_configured_spool_is_taken_as_it_is(tmp_path: Path) -> None:
    assert read(spool=str(tmp_path)).spool == tmp_path


def test_every_setting_is_described() -> None:
    source = inspect.getsource(settings)
    described = set(re.findall(r"^(EVENTS_\w+)", settings.__doc__ or "", re.M))

    assert described == set(re.findall(r'"(EVENTS_\w+)"', source))


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "event_warehouse.producer.destinations.find_spec", lambda name: None
    )
    check_requirements(read(destination="file:///srv/events"))

    with pytest.raises(SettingError, match="pip install botocore"):
        check_requirements(read(destination=STREAM))


def test_argument_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTS_ENVIRONMENT", "prod")

    with pytest.raises(SettingError):
        Producer()
    Producer(environment="ci")
