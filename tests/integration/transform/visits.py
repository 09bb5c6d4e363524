"""The files that the tests of the transform deliver."""

import json
from collections.abc import Callable, Sequence

FEEDS = """
visits:
  files: visits/*
  format: json_lines
  fields: {tenant_id: tenant, event_time: at}
  identity: [event_id]
notes:
  files: notes/*
  format: json_lines
  fields: {tenant_id: tenant, event_time: at}
pulses:
  files: pulses/*
  format: json_lines
  fields: {tenant_id: {constant: lab}, event_time: at}
  time_format: epoch_seconds
products:
  kind: reference
  files: products/*
  format: json_lines
  fields: {tenant_id: tenant, entity_id: code, event_time: version}
  time_format: version_number
"""
FUNNELS = """
edited:
  steps: [view, edit]
  window: 1 day
edited_the_same:
  steps: [view, edit]
  match: entity_id
  breakdown: country
  window: 1 day
"""

FIRST = r"""
{"tenant":"acme","event_id":"1","event_type":"view","at":"2025-01-01T10:00:00Z","user_id":"ada","device_id":"phone","session_id":"s1","entity_id":"p1","country":"DE","browser":"Firefox","page":"/a"}
{"tenant":"acme","event_id":"2","event_type":"view","at":"2025-01-01T10:04:59.999999Z","user_id":"bob","device_id":"laptop","entity_id":"p1","country":"DE"}
{"tenant":"acme","event_id":"3","event_type":"edit","at":"2025-01-01T10:05:00Z","user_id":"ada","device_id":"phone","session_id":"s1","entity_id":"p2","sample_rate":10}
{"tenant":"acme","event_id":"1","event_type":"view","at":"2025-01-01T10:00:00Z","user_id":"ada","device_id":"phone","session_id":"s1","entity_id":"p1","country":"DE","browser":"Firefox","page":"/a"}
{"tenant":"acme","event_id":"1","event_type":"view","at":"2025-01-01T11:00:00+01:00","user_id":"eve","entity_id":"p1","country":"DE","browser":"Firefox","page":"/a"}
{"tenant":"acme","event_id":"1","event_type":"view","at":"2025-01-01T10:00:01Z","user_id":"ada","device_id":"phone","session_id":"s1"}
{"tenant":"zeta","event_id":"1","event_type":"view","at":"2025-01-01T10:00:00Z","user_id":"ada","device_id":"phone","session_id":"s1"}
{"tenant":"acme","event_type":"view","at":"2025-01-01T10:00:00Z"}
{"tenant":"acme","event_id":"4","at":"now"}
{"tenant":"acme","event_id":"5","at":"infinity"}
{"tenant":"acme","event_id":"6","at":"01/02/2025"}
{"tenant":"acme","event_id":"7","at":"2025-13-01T00:00:00Z"}
{"tenant":"acme","event_id":"8","at":"2099-01-01T00:00:00Z"}
{"tenant":"acme","event_id":"9"}
{"event_id":"10","at":"2025-01-01T10:00:00Z"}
{"tenant":"acme","event_id":"11","at":"2025-01-01T10:00:00Z","sample_rate":"0"}
{"tenant":"acme","event_id":"12","at":"2025-01-01T10:00:00Z","sample_rate":2.5}
{"tenant":"acme","event_id":"13","at":"2025-01-01T10:00:00Z","page":"a\u0000b"}
not json
{"tenant":"","event_id":"14","at":"1969-12-31T23:59:59Z"}
"""
SECOND = r"""
{"tenant":"acme","event_id":"3","event_type":"edit","at":"2025-01-01T10:05:00Z","user_id":"ada","device_id":"phone","session_id":"s1","entity_id":"p2","sample_rate":10}
{"tenant":"acme","event_id":"2","event_type":"view","at":"2025-01-01T10:04:59.999999Z","user_id":"bob","device_id":"laptop","entity_id":"p1","country":"FR"}
{"tenant":"acme","event_id":"20","event_type":"view","at":"2024-02-29T23:59:59Z","user_id":"bob","device_id":"laptop","entity_id":"p1","country":"FR","sample_rate":3}
{"tenant":"acme","event_id":"21","event_type":"view","at":"2025-01-01T10:00:30Z","user_id":"bob","device_id":"laptop","entity_id":"p2","country":"DE","browser":"Firefox"}
{"tenant":"zeta","event_id":"22","event_type":"edit","at":"2025-01-02T00:00:00+02:00","user_id":"kim","device_id":"phone","session_id":"s2","entity_id":"p1"}
"""
THIRD = r"""
{"tenant":"acme","event_id":"20","event_type":"view","at":"2024-02-29T23:59:59Z","user_id":"bob","device_id":"laptop","entity_id":"p1","country":"FR","sample_rate":3}
{"tenant":"acme","event_id":"30","event_type":"edit","at":"2024-02-29T23:55:00Z","user_id":"kim","device_id":"phone","session_id":"s2","entity_id":"p3"}
{"tenant":"zeta","event_id":"31","event_type":"view","at":"2025-01-01T10:59:59Z","user_id":"ada","device_id":"phone","session_id":"s1","entity_id":"p9","page":"/z"}
{"tenant":"acme","event_id":"1","event_type":"view","at":"2025-01-01T10:00:00Z","user_id":"ada","device_id":"phone","session_id":"s1","entity_id":"p1","country":"DE","browser":"Firefox","page":"/b"}
"""

PRODUCTS = r"""
{"tenant":"acme","code":"p1","version":2,"brand":"A","country":"DE"}
{"tenant":"acme","code":"p2","version":1}
{"tenant":"acme","code":"p1","version":2,"brand":"A","country":"DE"}
{"tenant":"zeta","code":"p1","version":-3,"brand":"Z"}
{"tenant":"acme","code":"p1","version":"two"}
{"tenant":"acme","code":"p1"}
{"tenant":"acme","version":1}
{"code":"p1","version":1}
not json
"""
PRODUCTS_LATER = r"""
{"tenant":"acme","code":"p1","version":1,"brand":"old"}
{"tenant":"acme","code":"p1","version":2,"brand":"A","country":"FR"}
{"tenant":"acme","code":"p1","version":2,"country":"DE"}
{"tenant":"acme","code":"p2","version":20260101120000,"owner":{"name":"ada"}}
{"tenant":"acme","code":"p9","version":1,"brand":"B"}
"""

Files = Sequence[tuple[str, str]]
"""Name and content of each, in the order of their arrival.

Of the visits feed but where the name has a folder, `products/p.json` say.
"""
ALL: Files = [
    ("a.json", FIRST),
    ("b.json", SECOND),
    ("products/p.json", PRODUCTS),
    ("c.json", THIRD),
    ("products/q.json", PRODUCTS_LATER),
]

Deliver = Callable[[Files], None]
"""Lands files and loads them, one after the other."""


def visit(**fields: object) -> str:
    record = {"tenant": "acme", "event_id": "1", "at": "2025-01-01T10:00:00Z"}
    return json.dumps({**record, **fields}) + "\n"
