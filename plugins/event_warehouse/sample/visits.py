"""What visitors do: sessions of events, as columns of the vocabulary's codes.

Random draws are uniform numbers only, shaped with tables and products, never with `exp`
or `sin`, whose last bit differs between processors: a seed always means one sample.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from event_warehouse.sample import vocabulary as words

Array = npt.NDArray[Any]

MINUTE_MS: Final = 60_000
DAY_MS: Final = 24 * 60 * MINUTE_MS

# What happens in a session, in this order; the second product view is of the product
# that goes into the cart, so a funnel that holds entity_id constant finds its steps.
COURSE: Final = np.array(
    [
        words.PAGE_VIEW,
        words.LOGIN,
        words.PAGE_VIEW,
        words.SEARCH,
        words.PRODUCT_VIEW,
        words.PRODUCT_VIEW,
        words.ADD_TO_CART,
        words.CHECKOUT,
        words.PURCHASE,
        words.PAGE_VIEW,
    ],
    dtype=np.int8,
)
LOGIN_STEP: Final = 1
FAVOURITE_STEP: Final = 5

NIGHT_RATES: Final = (2, 1, 1, 1, 1, 2, 4, 7)
DAY_RATES: Final = (10, 12, 13, 13, 12, 12, 13, 13, 13, 14, 15, 16, 15, 11, 7, 4)
HOUR_RATES: Final = np.array([*NIGHT_RATES, *DAY_RATES])
WEEKEND_RATE: Final = 0.6
HAS_FRACTION: Final = np.array([kept > 19 for _, kept, _ in words.CLOCKS])


@dataclass(frozen=True)
class Day:
    """Times [start, end) in milliseconds since 1970; events first, first + 1, ..."""

    start: int
    end: int
    first: int
    count: int


def visits(
    rng: np.random.Generator,
    day: Day,
    *,
    until: int,
    users_per_tenant: Array,
    seed: int,
) -> pd.DataFrame:
    """The events of the sessions that begin on a day, all before `until`."""
    count = day.count
    repeats = _courses(rng, count)
    ends = np.cumsum(repeats.sum(axis=1))
    repeats = repeats[: int(np.searchsorted(ends, count)) + 1]
    steps = np.tile(np.arange(len(COURSE)), len(repeats))
    step = np.repeat(steps, repeats.ravel())[:count]
    session = np.repeat(np.arange(len(repeats)), repeats.sum(axis=1))[:count]

    visitors = _visitors(rng, repeats, users_per_tenant=users_per_tenant, seed=seed)
    number = np.arange(day.first, day.first + count)
    opening = number[np.searchsorted(session, np.arange(len(repeats)))]
    visitors["session"] = np.where(
        rng.random(len(repeats)) < 0.01, 0, scramble(opening, salt=4 * seed + 1)
    )
    events = visitors.iloc[session].reset_index(drop=True)
    events["transaction"] = scramble(number, salt=4 * seed + 2)
    events["kind"] = COURSE[step]
    started = _start_times(rng, visitors["home"].to_numpy(), day)
    events["time"] = _event_times(
        rng, session, started, clock=events["clock"].to_numpy(), until=until
    )
    _add_content(rng, events, step)
    return events.drop(columns=["home", "favourite"])


def day_volume(start: int, end: int) -> float:
    """How much traffic begins in [start, end), on a relative scale."""
    edges = _half_hours(start, end)
    homes = zip(words.COUNTRIES.values(), words.HOME_OFFSETS, strict=True)
    return sum(share * float(_volumes(edges, offset).sum()) for share, offset in homes)


def scramble(numbers: Array, *, salt: int) -> Array:
    """Patternless 64-bit keys, distinct for distinct numbers (splitmix64)."""
    gamma = 0x9E3779B97F4A7C15
    key: Array = numbers.astype(np.uint64) + np.uint64((salt + 1) * gamma % 2**64)
    key = (key ^ (key >> 30)) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> 27)) * np.uint64(0x94D049BB133111EB)
    key ^= key >> 31
    return key


def _courses(rng: np.random.Generator, count: int) -> Array:
    """How often each step of COURSE happens, one row per session, never all zeros.

    Each row has an event or more, so `count` rows suffice for `count` events.
    """
    views = rng.random(count) < 0.65
    carts = views & (rng.random(count) < 0.36)
    checkouts = carts & (rng.random(count) < 0.6)
    purchases = checkouts & (rng.random(count) < 0.7)
    steps = (
        ~views | (rng.random(count) < 0.93),
        rng.random(count) < 0.12,
        _up_to(rng, 4, count),
        _up_to(rng, 2, count),
        views * _up_to(rng, 6, count),
        views,
        carts,
        checkouts,
        purchases,
        rng.random(count) < 0.15,
    )
    return np.column_stack(steps).astype(np.int8)


def _up_to(rng: np.random.Generator, most: int, count: int) -> Array:
    draws = rng.random(count)
    return (draws * draws * (most + 1)).astype(np.int8)


def _visitors(
    rng: np.random.Generator, repeats: Array, *, users_per_tenant: Array, seed: int
) -> pd.DataFrame:
    """The visitors, one row per session, with what their device always sends."""
    count = len(repeats)
    tenant = _pick(words.TENANTS, rng.random(count))
    draws = rng.random(count)
    # The density falls as rank ** -0.5: in every tenant a few users are very active.
    rank = (draws * draws * users_per_tenant[tenant]).astype(np.int64)
    user = scramble(rank * len(words.TENANTS) + tenant, salt=4 * seed)
    second = (_trait(user, 1) < 0.4) & (rng.random(count) < 0.3)
    device = scramble(user + second, salt=0)
    home = _pick(words.COUNTRIES, _trait(user, 2))
    abroad = _pick(words.COUNTRIES, rng.random(count))
    country = np.where(rng.random(count) < 0.04, abroad, home)
    browser = _pick(words.BROWSERS, _trait(device, 3))
    other = _pick(words.BROWSERS, rng.random(count))
    is_guest = (rng.random(count) < 0.12) & (repeats[:, LOGIN_STEP] == 0)
    return pd.DataFrame(
        {
            "tenant": tenant,
            "user": np.where(is_guest, -1, rank),
            "device": np.where(rng.random(count) < 0.01, 0, device),
            "home": home,
            "country": _or_missing(rng, country, 0.02),
            "browser": _or_missing(
                rng, np.where(rng.random(count) < 0.03, other, browser), 0.01
            ),
            "platform": _pick(words.PLATFORMS, _trait(device, 4)),
            "environment": _pick(words.ENVIRONMENTS, rng.random(count)),
            "sample_rate": _pick(words.SAMPLE_RATES, rng.random(count)),
            "clock": _pick(words.CLOCKS, _trait(device, 5)),
            "favourite": _products(rng, count),
            "quantity": _pick(words.QUANTITIES, rng.random(count)),
        }
    )


def _add_content(rng: np.random.Generator, events: pd.DataFrame, step: Array) -> None:
    kind = events["kind"].to_numpy()
    favourite = events["favourite"].to_numpy()
    seen = np.where(step < FAVOURITE_STEP, _products(rng, len(events)), favourite)
    has_product = (kind >= words.PRODUCT_VIEW) & (kind <= words.PURCHASE)
    product = np.where(has_product, seen, -1)
    # The backend reports logins and purchases, and knows no page.
    is_backend = (kind == words.LOGIN) | (kind == words.PURCHASE)
    is_app = events["platform"].to_numpy() != 0
    service = np.where(is_backend, words.API, np.where(is_app, words.MOBILE, words.WEB))
    is_priced = (kind == words.ADD_TO_CART) | (kind == words.PURCHASE)
    events["product"] = product.astype(np.int16)
    events["service"] = service.astype(np.int8)
    page = np.where(is_backend, -1, _pages(rng, kind, product))
    events["page"] = page.astype(np.int16)
    events["quantity"] = np.where(is_priced, events["quantity"], -1).astype(np.int8)


def _pages(rng: np.random.Generator, kind: Array, product: Array) -> Array:
    plain = words.FIRST_PLAIN_PAGE + _below(rng, len(words.PLAIN_PAGES), len(kind))
    odd = words.FIRST_ODD_PAGE + _below(rng, len(words.ODD_PAGES), len(kind))
    usual = np.select(
        [kind == words.SEARCH, kind == words.CHECKOUT, product >= 0],
        [words.SEARCH_PAGE, words.CHECKOUT_PAGE, words.FIRST_PRODUCT_PAGE + product],
        plain,
    )
    return np.where(rng.random(len(kind)) < 0.002, odd, usual)


def _start_times(rng: np.random.Generator, home: Array, day: Day) -> Array:
    edges = _half_hours(day.start, day.end)
    times = rng.random(len(home))
    for code, offset in enumerate(words.HOME_OFFSETS):
        at_home = home == code
        reached = np.concatenate(([0.0], np.cumsum(_volumes(edges, offset))))
        times[at_home] = np.interp(times[at_home] * reached[-1], reached, edges)
    return times.astype(np.int64)


def _event_times(
    rng: np.random.Generator,
    session: Array,
    started: Array,
    *,
    clock: Array,
    until: int,
) -> Array:
    """Seconds to minutes apart, strictly increasing within a session."""
    draws = rng.random(len(session))
    gaps = (1_000 + draws * draws * draws * 5 * MINUTE_MS).astype(np.int64)
    opens = np.append(True, session[1:] != session[:-1])[: len(session)]
    elapsed = np.cumsum(gaps)
    elapsed -= elapsed[opens][session]
    last = elapsed[np.append(opens[1:], True)[: len(session)]]
    # A session that would outlast the sample ends when it would have begun.
    begun = started - np.where(started + last >= until, last, 0)
    times = begun[session] + elapsed
    return np.where(HAS_FRACTION[clock], times, times // 1000 * 1000)


def _half_hours(start: int, end: int) -> Array:
    return np.append(np.arange(start, end, 30 * MINUTE_MS), end)


def _volumes(edges: Array, offset: int) -> Array:
    local = edges[:-1] + offset * MINUTE_MS
    rates = HOUR_RATES[local // (60 * MINUTE_MS) % 24]
    is_weekend = (local // DAY_MS + 3) % 7 >= 5  # 1970 began on a Thursday
    return np.asarray(rates * np.where(is_weekend, WEEKEND_RATE, 1) * np.diff(edges))


def _products(rng: np.random.Generator, count: int) -> Array:
    draws = rng.random(count)
    return (draws * draws * len(words.PRODUCTS)).astype(np.int16)


def _below(rng: np.random.Generator, bound: int, count: int) -> Array:
    return (rng.random(count) * bound).astype(np.int16)


def _pick(shares: Mapping[Any, float], draws: Array) -> Array:
    bounds = list(accumulate(shares.values()))[:-1]
    return np.searchsorted(bounds, draws, side="right").astype(np.int8)


def _or_missing(rng: np.random.Generator, codes: Array, share: float) -> Array:
    return np.where(rng.random(len(codes)) < share, -1, codes).astype(np.int8)


def _trait(keys: Array, salt: int) -> Array:
    """A uniform number in [0, 1), always the same for a key."""
    return np.asarray((scramble(keys, salt=salt) >> 11) * 2.0**-53)
