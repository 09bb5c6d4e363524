// The keys and values that the tenant's events have, as /keys lists them.

import { get } from "./api.js";

const LISTED = 20;
// The service does not know of which types their events are.
const OF_ANY_TYPE = new Set(["user_id", "entity_id", "device_id"]);

export function keysFor(tenant, eventType) {
  return async (prefix) => {
    const { keys } = await get("/keys", {
      tenant,
      parameters: choice(prefix, eventType),
    });
    return keys.map(({ key, event_count }) => ({ name: key, eventCount: event_count }));
  };
}

export function valuesFor(tenant, keyNow, eventType) {
  return async (prefix) => {
    const key = keyNow();
    if (!key) return [];
    const path = `/keys/${key.split("/").map(encodeURIComponent).join("/")}/values`;
    const { values } = await get(path, {
      tenant,
      parameters: choice(prefix, OF_ANY_TYPE.has(key) ? "" : eventType?.()),
    });
    return values.map(({ value, event_count }) => ({
      name: value,
      eventCount: event_count,
    }));
  };
}

function choice(prefix, eventType) {
  return { prefix, limit: LISTED, ...(eventType ? { event_type: eventType } : {}) };
}
