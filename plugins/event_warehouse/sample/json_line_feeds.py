"""Feeds of JSON lines: what the service, the producer and GH Archive write."""

from datetime import datetime, timedelta
from typing import Final

from event_warehouse.sample.packed import (
    STRAY_LINE,
    cut_off,
    gzipped,
    in_latin_1,
    to_json,
    to_lines,
)
from event_warehouse.sample.scene import Record, SampleFile, Scene, named

TOO_LONG: Final = "x" * 1_001
"""An event field may have at most a thousand bytes."""
GITHUB_TYPES: Final = ("PushEvent", "PushEvent", "WatchEvent", "IssuesEvent")


def api_events(scene: Scene) -> list[SampleFile]:
    """One hour per file, named as the service names them."""
    slots = scene.slots(3, timedelta(hours=1))
    files = [[_posted(scene, time) for time in slot.times] for slot in slots]
    event = files[0][0]
    spoilt = [
        event | {"ts": "soon"},
        event | {"tenant_id": ""},
        event | {"samplerate": 0},
    ]
    contents = _delivered(scene, files, spoilt)
    name = "{:%Y/%m/%d/%H/%Y%m%dT%H%M%SZ}-"
    return named(
        slots, {f"{name}{scene.uuid()}.jsonl": content for content in contents}
    )


def _posted(scene: Scene, time: datetime) -> Record:
    person = scene.person()
    event: Record = {
        "event_id": scene.uuid(),
        "tenant_id": person.tenant,
        "ts": time.isoformat(),
        "data": {
            "event_tag": scene.random.choice(["search", "play", "stop"]),
            "user_id": person.user,
            "session_id": person.session,
            "country": person.country,
            "screen": {"width": 1_280, "height": 720},
            "seconds": scene.random.randrange(600) / 10,
        },
    }
    return event | ({"samplerate": 10} if scene.random.random() < 0.05 else {})


def tracked_events(scene: Scene) -> list[SampleFile]:
    """One hour per file: two as written to a folder, one by a delivery stream."""
    slots = scene.slots(3, timedelta(hours=1))
    files = [[_tracked(scene, time) for time in slot.times] for slot in slots]
    event = files[0][0]
    spoilt = [
        event | {"event_time": "yesterday"},
        event | {"sample_rate": "lots"},
        event | {"user_id": TOO_LONG},
    ]
    first, second, third = _delivered(scene, files, spoilt)
    return named(
        slots,
        {
            "{:%Y-%m-%d}-" + scene.hex(24) + ".jsonl": first,
            "{:%Y-%m-%d}-" + scene.hex(24) + ".jsonl": second,
            "{:%Y/%m/%d/%H/tracked-1-%Y-%m-%d-%H-%M-%S}-" + scene.uuid(): third,
        },
    )


def _tracked(scene: Scene, time: datetime) -> Record:
    person = scene.person()
    return {
        "tenant_id": person.tenant,
        "event_id": scene.uuid(),
        "event_type": scene.random.choice(["order_placed", "order_paid", "mail_sent"]),
        "event_time": f"{time:%Y-%m-%dT%H:%M:%S.%fZ}",
        "user_id": person.user,
        "country": person.country,
        "environment": "production",
        "service": "shop",
        "amount": scene.random.randrange(500, 20_000) / 100,
        "items": [{"sku": f"p-{scene.random.randrange(400):04d}", "count": 1}],
    }


def gharchive(scene: Scene) -> list[SampleFile]:
    """Three whole hours, gzipped; users and repositories are made up."""
    hour = scene.anchor.replace(minute=0, second=0, microsecond=0)
    slots = Scene(scene.random, scene.events, hour).slots(3, timedelta(hours=1))
    files = [[_github_event(scene, time) for time in slot.times] for slot in slots]
    event = files[0][0]
    spoilt = [
        event | {"created_at": None},
        event | {"created_at": "2025-01-15T25:00:00Z"},
        event | {"repo": {"name": TOO_LONG}},
    ]
    contents = _delivered(scene, files, spoilt)
    names = [f"{slot.start:%Y-%m-%d}-{slot.start.hour}.json.gz" for slot in slots]
    packed = dict(zip(names, map(gzipped, contents), strict=True))
    return named(slots, packed)


def _github_event(scene: Scene, time: datetime) -> Record:
    person = scene.person()
    repository = scene.random.randrange(60)
    return {
        "id": str(2_000_000_000 + scene.random.getrandbits(50)),
        "type": scene.random.choice(GITHUB_TYPES),
        "actor": {"id": person.number, "login": f"made-up-{person.number}", "url": ""},
        "repo": {"id": repository, "name": f"made-up-org/repository-{repository}"},
        "payload": {"commits": [{"message": "Größe: 1\n", "distinct": True}]},
        "public": True,
        "created_at": f"{time:%Y-%m-%dT%H:%M:%SZ}",
    }


def _delivered(
    scene: Scene, files: list[list[Record]], spoilt: list[Record]
) -> list[bytes]:
    """The files' lines, with repeats and those that can't be cast or read."""
    scene.add_repeats(files)
    scene.add_in_turn(files, spoilt)
    lines = [[to_json(event) for event in file] for file in files]
    event = files[0][0]
    broken = [cut_off(to_json(event)), in_latin_1(event), STRAY_LINE]
    scene.add_in_turn(lines, broken)
    return [to_lines(file) for file in lines]
