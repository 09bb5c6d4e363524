"""API keys: their form, and what is stored of them."""

import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

SECRET_BYTES = 32
"""256 random bits can't be guessed, so no slow hash is needed. A password hash would
cost each request as much as a query."""
ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
ID_LENGTH = 12
FORM = re.compile(r"ew_([a-z0-9]{12})_([A-Za-z0-9_-]{43})")


class Scope(StrEnum):
    """What a key is good for."""

    EVENTS_WRITE = "events:write"
    QUERY_READ = "query:read"
    STATS_READ = "stats:read"


@dataclass(frozen=True)
class NewKey:
    """A new key, whose text is shown only once."""

    key_id: str
    text: str
    key_hash: bytes


@dataclass(frozen=True)
class KnownKey:
    """What is stored of a valid key."""

    key_id: str
    key_hash: bytes
    tenant: str | None
    """The key's tenant; None means an operator's key, for all tenants."""
    role: str
    """The Postgres role that queries run as."""
    scopes: frozenset[Scope]
    expires_at: datetime | None = None

    def fits(self, text: str, now: datetime) -> bool:
        """True if it is this key and has not expired; compares in constant time."""
        is_same = hmac.compare_digest(self.key_hash, hash_of(text))
        return is_same and (self.expires_at is None or now < self.expires_at)


def make_key() -> NewKey:
    """A new random key."""
    key_id = "".join(secrets.choice(ID_ALPHABET) for _ in range(ID_LENGTH))
    text = f"ew_{key_id}_{secrets.token_urlsafe(SECRET_BYTES)}"
    return NewKey(key_id, text, hash_of(text))


def id_of(text: str) -> str | None:
    """The public id of a key's text; None if it isn't in the form of a key."""
    found = FORM.fullmatch(text)
    return found[1] if found else None


def hash_of(text: str) -> bytes:
    """The hash that is stored of a key."""
    return sha256(text.encode()).digest()
