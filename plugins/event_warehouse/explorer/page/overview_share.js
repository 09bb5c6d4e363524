// Shares the overview's numbers: each part is an answer of its own.

import { addressOf } from "./address.js";
import { get } from "./api.js";
import { csvOf, getCallOf, shareBar, sqlOf } from "./share.js";

// Requested again when shared, as what is shown may be half a minute old.
export function shareStats({ of, path, section, rowsOf }) {
  return shareBar({
    of,
    link: () => linkTo({ section }),
    call: async () => getCallOf(path),
    sql: async () => sqlOf(await get(path, { parameters: { show_sql: "true" } })),
    csv: async () => csvOfRows(rowsOf(await get(path))),
    json: async () => JSON.stringify(await get(path), null, 2),
  });
}

export function linkTo(parameters) {
  return location.origin + location.pathname + addressOf("overview", parameters);
}

export function totalsOf({ feeds, freshness, elapsed_ms, ...totals }) {
  return [{ ...totals, ...freshness }];
}

// Events and arrivals of each hour that has any.
export function hoursOf({ events, arrivals }) {
  const hours = new Map();
  const add = (hour, counts) => hours.set(hour, { ...hours.get(hour), hour, ...counts });
  for (const { event_hour, ...counts } of events) add(event_hour, counts);
  for (const { received_hour, ...counts } of arrivals ?? []) add(received_hour, counts);
  return [...hours.values()].sort((one, other) => (one.hour < other.hour ? -1 : 1));
}

// A column for each member that any row has.
export function csvOfRows(rows) {
  const columns = [...new Set(rows.flatMap(Object.keys))];
  return csvOf(
    columns,
    rows.map((row) => columns.map((name) => written(row[name])))
  );
}

function written(value) {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : value;
}
