"""Events of apps, as a delivery stream writes them: objects with nothing in between."""

from datetime import datetime, timedelta
from typing import Final

from event_warehouse.sample.packed import (
    cut_off,
    gzipped,
    in_latin_1,
    to_json,
    without_value,
)
from event_warehouse.sample.scene import (
    Person,
    Record,
    SampleFile,
    Scene,
    named,
    without,
)

EVENTS: Final = ("app_open", "click", "click", "conversion", "offer_view")
CITIES: Final = (
    # State, city, postal code, latitude, longitude, time zone.
    ("Uusimaa", "Helsinki", "00100", 60.1699, 24.9384, "Europe/Helsinki"),
    ("Texas", "Austin", "73301", 30.2672, -97.7431, "America/Chicago"),
    ("Berlin", "Berlin", "10115", 52.52, 13.405, "Europe/Berlin"),
)


def app_events(scene: Scene) -> list[SampleFile]:
    """Files of five minutes each; the newest app has a field unknown to the feed."""
    slots = scene.slots(3, timedelta(minutes=5))
    files = [[_app_event(scene, time) for time in slot.times] for slot in slots]
    files[0] = [without(event, "feature_flags") for event in files[0]]
    files[2] = [event | {"sdk_build": "r418"} for event in files[2]]
    scene.add_repeats(files)
    event = files[0][0]
    spoilt = [
        event | {"lat": "unknown"},
        event | {"app_id": "app-17"},
        event | {"created_at": "0000-00-00 00:00:00"},
    ]
    scene.add_in_turn(files, spoilt)
    contents = [[to_json(event) for event in file] for file in files]
    scene.add_in_turn(contents, [without_value(event), in_latin_1(event)])
    contents[2].append(cut_off(to_json(event)))
    name = "{:%Y/%m/%d/%H/apps-1-%Y-%m-%d-%H-%M-%S}-"
    first, second, third = (b"".join(records) for records in contents)
    return named(
        slots,
        {
            name + scene.uuid(): first,
            name + scene.uuid() + ".gz": gzipped(second),
            name + scene.uuid(): third,
        },
    )


def _app_event(scene: Scene, time: datetime) -> Record:
    person = scene.person()
    event = scene.random.choice(EVENTS)
    return {
        "event": event,
        "click_id": scene.hex(24) if event == "click" else None,
        "created_at": time.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "environment": "production",
        "service": "offers",
        "request_url": f"https://offers.example/v1/{event}?c={person.number}",
        "extra_info": _extra_info(scene, event),
        "feature_flags": {"new_wall": person.number % 2 == 0},
        **_app_and_campaign(scene, person),
        **_device(scene, person),
        **_place(scene, person),
    }


def _extra_info(scene: Scene, event: str) -> object:
    """Nothing, an object, or an object that is encoded as JSON text."""
    if event == "app_open":
        return None
    reward = {"reward": scene.random.randrange(10, 500), "currency": "coins"}
    return reward if scene.random.random() < 0.7 else to_json(reward).decode()


def _app_and_campaign(scene: Scene, person: Person) -> Record:
    app = 1 + person.number % 9
    return {
        "app_id": app,
        "publisher_id": 100 + app,
        "sub_site_id": scene.sometimes(f"sub-{app}", 0.3),
        "campaign_id": scene.sometimes(f"campaign-{scene.random.randrange(20)}"),
        "player_id": person.user,
        "adgem_uid": scene.sometimes(f"uid-{person.device}"),
        "integration_type": "sdk" if app % 3 else "web",
        "sdk_type": "unity" if app % 2 else "native",
        "sdk_version": f"3.{app % 4}.0",
    }


def _device(scene: Scene, person: Person) -> Record:
    is_apple = person.number % 3 == 0
    advertising_id = f"{person.device}-0000-4000-8000-{person.number:012d}"
    model = "iPhone14,5" if is_apple else "Pixel 8"
    return {
        "platform": "ios" if is_apple else "android",
        "os_version": "18.1" if is_apple else "15",
        "device": model,
        "device_name": scene.sometimes(f"{person.user}'s phone", 0.5),
        "idfa": scene.sometimes(advertising_id, 0.7) if is_apple else None,
        "gaid": None if is_apple else advertising_id,
        "useragent": f"Mozilla/5.0 ({model}) Offers/3",
        "connection_type": scene.random.choice(["wifi", "cellular"]),
        "carrier_name": scene.sometimes("Example Mobile", 0.6),
    }


def _place(scene: Scene, person: Person) -> Record:
    state, city, postal_code, lat, lon, timezone = CITIES[person.number % len(CITIES)]
    return {
        # Addresses that are reserved for examples, RFC 5737.
        "ip": f"203.0.113.{person.number % 256}",
        "isp": scene.sometimes("Example Net"),
        "country": person.country,
        "state": state,
        "city": city,
        "postal_code": postal_code,
        "lat": lat,
        "lon": lon,
        "timezone": timezone,
    }
