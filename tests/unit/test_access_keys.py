"""API keys, the file of them, and turns: without a database."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from event_warehouse.access.key_file import key_file, read_keys, write_keys
from event_warehouse.access.keys import KnownKey, Scope, id_of, make_key
from event_warehouse.access.tenants import role_name
from event_warehouse.api.key_ring import KeyRing
from event_warehouse.api.problems import Problem
from event_warehouse.api.turns import QueryLimits, Turns

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NEW = make_key()
KNOWN = KnownKey(
    NEW.key_id, NEW.key_hash, "acme", "tenant_x", frozenset({Scope.QUERY_READ})
)


def test_key_tells_its_id_and_is_kept_as_its_hash() -> None:
    assert NEW.text.startswith(f"ew_{NEW.key_id}_")
    assert id_of(NEW.text) == NEW.key_id
    assert NEW.key_hash == sha256(NEW.text.encode()).digest()
    assert len({make_key().text for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ew_",
        NEW.text[:-1],
        NEW.text + "a",
        NEW.text.upper(),
        NEW.text.replace("ew_", "ev_"),
        NEW.text + "\n",
        "é" + NEW.text[1:],
    ],
    # The key is another one in each process.
    ids=range(8),
)
def test_what_is_no_key_has_no_id(text: str) -> None:
    assert id_of(text) is None


def test_key_is_good_until_the_moment_at_which_it_expires() -> None:
    expiring = replace(KNOWN, expires_at=NOW)

    assert KNOWN.fits(NEW.text, NOW)
    assert expiring.fits(NEW.text, NOW - timedelta(microseconds=1))
    assert not expiring.fits(NEW.text, NOW)
    assert not KNOWN.fits(make_key().text, NOW)


def test_file_has_what_is_known_and_no_key(tmp_path: Path) -> None:
    file = key_file(tmp_path / "home")
    keys = [KNOWN, replace(KNOWN, key_id="aaaaaaaaaaaa", tenant=None, expires_at=NOW)]

    write_keys(file, keys)

    assert read_keys(file) == keys
    assert NEW.text not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_ring_knows_a_key_as_soon_as_it_is_in_the_file(tmp_path: Path) -> None:
    file = key_file(tmp_path)
    ring = KeyRing(file)
    assert ring.is_empty
    assert ring.find(NEW.text, NOW) is None

    write_keys(file, [KNOWN])

    assert ring.find(NEW.text, NOW) == KNOWN
    assert ring.take_used() == [KNOWN.key_id]
    assert ring.take_used() == []


def test_ring_forgets_what_is_no_longer_known_and_the_file_does_too(
    tmp_path: Path,
) -> None:
    file = key_file(tmp_path)
    write_keys(file, [KNOWN])
    ring = KeyRing(file)

    ring.replace([])

    assert ring.find(NEW.text, NOW) is None
    assert read_keys(file) == []


@pytest.mark.parametrize("damaged", ["", "{", "[{}]", '[{"key_id": 1}]'])
def test_damaged_file_changes_nothing(tmp_path: Path, damaged: str) -> None:
    file = key_file(tmp_path)
    write_keys(file, [KNOWN])
    ring = KeyRing(file)

    file.write_text(damaged)
    ring.reload()

    assert ring.find(NEW.text, NOW) == KNOWN


@pytest.mark.parametrize("tenant", ["acme", "Zürich ☃", "x" * 1000, "'; drop role x"])
def test_role_s_name_tells_nothing_of_the_tenant(tenant: str) -> None:
    name = role_name(tenant)

    assert len(name) == len("tenant_") + 16
    assert name.replace("_", "").isalnum()
    assert name != role_name(tenant + " ")


def test_tenant_takes_its_turns_only() -> None:
    limits = QueryLimits(running_per_tenant=1, waiting_per_tenant=1, wait_seconds=0.05)

    async def work() -> None:
        turns = Turns(limits)
        async with turns.turn("acme"):
            async with turns.turn("globex"):
                pass
            for _ in range(2):
                with pytest.raises(Problem) as raised:
                    async with turns.turn("acme"):
                        pass
                assert raised.value.status == 429
        async with turns.turn("acme"):
            pass
        assert not turns._lanes

    asyncio.run(work())
