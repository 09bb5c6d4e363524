// The events behind a number, each with the file and line it came from.

import { get } from "./api.js";
import { addressOf, readAddress, readStructure, settle, show } from "./address.js";
import { button, element, fill } from "./dom.js";
import { count, instant } from "./format.js";
import { freshnessLine } from "./freshness.js";
import { isOperator, may } from "./session.js";
import { csvOf, getCallOf, shareBar, sqlOf } from "./share.js";
import { asProblem, empty, loading, problemBox } from "./states.js";

const FIELDS = [
  "event_type",
  "event_id",
  "user_id",
  "entity_id",
  "session_id",
  "device_id",
  "country",
  "browser",
  "platform",
  "environment",
  "service",
  "sample_rate",
  "received_at",
];

const PAGE = 50;
const MOST_SAVED = 10_000;
const SAVED_AT_ONCE = 1_000;
const PLACE = ["load_id", "line_number", "feed", "uri"];

// The list that the address names, for those who follow a link to it.
export function openNamedEvents(parameters, tenant) {
  const { start, end, filters, title } = readStructure(parameters, "events") ?? {};
  const [from, to] = [new Date(start), new Date(end)];
  if (Number.isNaN(from - to) || !Array.isArray(filters)) return;
  openEvents({ tenant, start: from, end: to, filters, title: String(title ?? "") });
}

export function openEvents({ tenant, start, end, filters, title }) {
  const asked = {
    start: start.toISOString(),
    end: end.toISOString(),
    filters: JSON.stringify(filters),
  };
  const below = readAddress();
  const shown = Object.fromEntries(below.parameters);
  delete shown.events;
  const list = element("ol.events");
  const foot = element("div.foot", {}, loading("the events"));
  const about = element("div");
  const dialog = element(
    "dialog.events-dialog",
    { "aria-label": `Events: ${title}`, onclose: leave },
    element(
      "div.dialog-head",
      {},
      element("h2", {}, title),
      button("Close", () => dialog.close(), { class: "quiet-button" })
    ),
    about,
    shareBar({
      of: "events",
      csv: async () => eventsAsCsv(await readAll(asked, tenant)),
      json: async () => JSON.stringify(await readAll(asked, tenant), null, 2),
      call: async () => getCallOf("/events", { tenant, parameters: asked }),
      sql: async () =>
        sqlOf(
          await get("/events", { tenant, parameters: { ...asked, show_sql: "true" } })
        ),
    }),
    list,
    foot
  );
  document.body.append(dialog);
  dialog.showModal();
  const own = JSON.stringify({ ...asked, filters, title });
  dialog.dataset.below = addressOf(below.view, shown);
  show(below.view, { ...shown, events: own });

  function leave() {
    dialog.remove();
    if (readAddress().parameters.get("events") === own) settle(below.view, shown);
  }

  async function load(after) {
    fill(foot, loading("the events"));
    const parameters = { ...asked, limit: PAGE, ...(after ? { after } : {}) };
    try {
      const page = await get("/events", { tenant, parameters });
      if (!after) fill(about, freshnessLine(page, tenant));
      list.append(...page.events.map((event) => eventItem(event, tenant)));
      const shown = list.children.length;
      fill(
        foot,
        shown === 0 &&
          empty(
            "There are no such events now.",
            "They may have been deleted or expired since."
          ),
        page.next && button("Show more", () => load(page.next)),
        element(
          "span.quiet",
          { role: "status" },
          `${count(shown)} shown, newest first; ${page.next ? `CSV and JSON have up to ${count(MOST_SAVED)}` : "these are all"}`
        )
      );
    } catch (error) {
      fill(foot, problemBox(asProblem(error), { again: () => load(after) }));
    }
  }

  load();
}

// All events, not only those shown; if there are very many, the newest.
async function readAll(asked, tenant) {
  const events = [];
  let after;
  do {
    const page = await get("/events", {
      tenant,
      parameters: { ...asked, limit: SAVED_AT_ONCE, ...(after ? { after } : {}) },
    });
    events.push(...page.events);
    after = page.next;
  } while (after && events.length < MOST_SAVED);
  return events;
}

function eventsAsCsv(events) {
  const columns = ["event_time", ...FIELDS, "attributes", ...PLACE];
  return csvOf(
    columns,
    events.map((event) =>
      columns.map((name) =>
        name === "attributes" && event[name]
          ? JSON.stringify(event[name])
          : event[name]
      )
    )
  );
}

function eventItem(event, tenant) {
  const given = FIELDS.filter(
    (name) => event[name] !== null && event[name] !== undefined
  );
  return element(
    "li",
    {},
    element(
      "details",
      {},
      element(
        "summary",
        {},
        element("time", { datetime: event.event_time }, instant(event.event_time)),
        " ",
        element("strong", {}, event.event_type ?? "(no type)"),
        " ",
        element(
          "span.quiet",
          {},
          [event.user_id, event.entity_id].filter(Boolean).join(" · ")
        )
      ),
      element(
        "dl",
        {},
        given.map((name) => [
          element("dt", {}, name),
          element(
            "dd",
            {},
            name === "received_at" ? instant(event[name]) : String(event[name])
          ),
        ]),
        element("dt", {}, "attributes"),
        element(
          "dd",
          {},
          event.attributes === null && event.attribute_bytes
            ? `${count(event.attribute_bytes)} bytes, too many to show`
            : element("pre", {}, JSON.stringify(event.attributes, null, 2) ?? "none")
        ),
        element("dt", {}, "file"),
        element("dd", {}, place(event, tenant))
      )
    )
  );
}

// Where the event's record is; only operators may see files.
function place(event, tenant) {
  if (!event.uri) return `line ${event.line_number} of load ${event.load_id}`;
  return [
    element("code", {}, event.uri),
    `, line ${event.line_number} `,
    isOperator() &&
      may("stats:read") &&
      element(
        "a",
        { href: addressOf("overview", { tenant, load: event.load_id }) },
        "its accounting"
      ),
  ];
}
