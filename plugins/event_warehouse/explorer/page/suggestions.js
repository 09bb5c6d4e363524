// The keys and values that the tenant's events have, as /keys lists them, and the tenants.

import { get } from "./api.js";
import { count } from "./format.js";

const LISTED = 20;
// The service knows neither event types nor counts for these.
const OF_ANY_TYPE = new Set(["user_id", "entity_id", "device_id"]);

// Each is called with the typed text and returns { names: [{ name, eventCount }], note }.
export function keysFor(tenant, eventType) {
  return async (prefix) => {
    const answer = await get("/keys", {
      tenant,
      parameters: choice(prefix, eventType),
    });
    return listed(answer, answer.keys, ({ key }) => key);
  };
}

export function valuesFor(tenant, keyNow, eventType) {
  return async (prefix) => {
    const key = keyNow();
    if (!key) return { names: [] };
    const path = `/keys/${key.split("/").map(encodeURIComponent).join("/")}/values`;
    const answer = await get(path, {
      tenant,
      parameters: choice(prefix, OF_ANY_TYPE.has(key) ? "" : eventType?.()),
    });
    return listed(answer, answer.values, ({ value }) => value);
  };
}

export async function tenantsLike(prefix) {
  const answer = await get("/tenants", { parameters: choice(prefix) });
  return listed(answer, answer.tenants, ({ tenant_id }) => tenant_id);
}

function choice(prefix, eventType) {
  return { prefix, limit: LISTED, ...(eventType ? { event_type: eventType } : {}) };
}

// What the numbers mean, and whether there are more values.
function listed({ is_cut_off }, items, nameOf) {
  const names = items.map((item) => ({
    name: nameOf(item),
    eventCount: item.event_count,
  }));
  const isCounted = names.some(({ eventCount }) => eventCount !== null);
  const said = [
    isCounted ? "Numbers are events." : "By name; their events are not counted.",
    is_cut_off && `The first ${count(names.length)}: type on for others.`,
  ];
  return { names, note: names.length ? said.filter(Boolean).join(" ") : "" };
}
