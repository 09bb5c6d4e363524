"""Edits of products in each form of JSON, and reference data about the products."""

import json
from datetime import datetime, timedelta
from typing import Final

from event_warehouse.sample.packed import (
    cut_off,
    in_latin_1,
    to_array,
    to_json,
    to_lines,
    without_value,
)
from event_warehouse.sample.scene import Record, SampleFile, Scene, named, without

PRODUCTS: Final = 50
UNKNOWN: Final = 0
"""The number of a product that is edited, but has no reference data."""
NEVER_EDITED: Final = PRODUCTS
NEWER: Final = range(1, PRODUCTS // 2)
UNCHANGED: Final = range(PRODUCTS // 2, PRODUCTS // 2 + 5)
OLDER: Final = PRODUCTS // 2 + 5
"""NEWER, UNCHANGED and OLDER are in the second delivery of products."""
TYPES: Final = ("food", "food", "beauty", "petfood", "product")
COMMENTS: Final = ("", "new label", "typo", 'weight is 250 "g"', "weiter: Größe\n250 g")


def product_updates(scene: Scene) -> list[SampleFile]:
    """One day per file: an indented export; lines; objects with nothing in between."""
    slots = scene.slots(3, timedelta(days=1))
    revisions = [0] * (PRODUCTS + 1)
    files = [[_edit(scene, time, revisions) for time in slot.times] for slot in slots]
    scene.add_repeats(files)
    edit = _edit(scene, slots[-1].start, revisions)
    spoilt = [
        edit | {"timestamp": "2025-01-15T10:00:00Z"},
        edit | {"diffs": "{generic_name"},
        edit | {"timestamp": -86_400},
    ]
    scene.add_in_turn(files, spoilt)
    exported = [_indented(without(edit, "diffs")) for edit in files[0]]
    lines = [to_json(edit | {"owner": _owner(edit["code"])}) for edit in files[1]]
    stream = [to_json(edit) for edit in files[2]]
    scene.add_in_turn([exported, lines], [without_value(edit), in_latin_1(edit)])
    return named(
        slots,
        {
            "edits-{:%Y-%m-%d}.json": to_array(exported),
            "edits-{:%Y-%m-%d}.jsonl": to_lines(lines),
            "edits-{:%Y-%m-%d}": b"".join([*stream, cut_off(to_json(edit))]),
        },
    )


def _edit(scene: Scene, time: datetime, revisions: list[int]) -> Record:
    # The very first edit is of the unknown product; of the others, a few get most.
    number = 1 + int((PRODUCTS - 1) * scene.random.random() ** 2)
    number = number if any(revisions) else UNKNOWN
    revisions[number] += 1
    revision = revisions[number]
    comment = scene.random.choice(COMMENTS)
    return {
        "timestamp": int(time.timestamp()),
        "code": _code(number),
        "rev": revision,
        "product_type": TYPES[number % len(TYPES)],
        "user_id": scene.sometimes(scene.person().user),
        "action": "created" if revision == 1 else "updated",
        "comment": comment + "\0" if scene.random.random() < 0.03 else comment,
        "diffs": {"fields": {"change": scene.random.sample(["name", "label"], 1)}},
    }


def products(scene: Scene) -> list[SampleFile]:
    """All products but the unknown one, and two days later those that have changed."""
    slots = scene.slots(2, timedelta(days=2))
    first, second = (slot.start for slot in slots)
    known = [_product(number, first) for number in range(1, PRODUCTS + 1)]
    since = [_product(number, second) for number in NEWER]
    since += [_product(number, first) for number in UNCHANGED]
    since += [_product(OLDER, first - timedelta(days=9))]
    product = _product(NEVER_EDITED, second)
    spoilt = [
        product | {"last_modified_t": "today"},
        product | {"code": None},
        product | {"last_modified_t": -1},
    ]
    scene.add_in_turn([known, since], spoilt)
    exported = [_indented(product) for product in known]
    lines = [to_json(product) for product in since]
    broken = [without_value(product), in_latin_1(product)]
    scene.add_in_turn([exported, lines], broken)
    return named(
        slots,
        {
            "products-{:%Y-%m-%d}.json": to_array(exported),
            "products-{:%Y-%m-%d}.jsonl": to_lines([*lines, cut_off(to_json(product))]),
        },
    )


def _product(number: int, modified: datetime) -> Record:
    code = _code(number)
    return {
        "code": code,
        "product_name": f"Product {number}\0" if number == 1 else f"Product {number}",
        "brands": f"Brand {number % 7}",
        "product_type": TYPES[number % len(TYPES)],
        "owner": _owner(code),
        "countries_tags": ["en:france", "en:finland"][: 1 + number % 2],
        "last_modified_t": int(modified.timestamp()) - number,
    }


def _indented(record: Record) -> bytes:
    return json.dumps(record, indent=2).encode()


def _code(number: int) -> str:
    """Thirteen digits, like a barcode; leading zeros count."""
    return f"{(number + 1) * 1_048_583:013d}"


def _owner(code: str) -> str:
    return f"org-{int(code) % 5}"
