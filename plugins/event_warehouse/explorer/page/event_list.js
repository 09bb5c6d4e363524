// The events behind a number, each with the file and line it came from.

import { get } from "./api.js";
import { addressOf } from "./address.js";
import { button, element, fill } from "./dom.js";
import { count, instant } from "./format.js";
import { freshnessLine } from "./freshness.js";
import { isOperator, may } from "./session.js";
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

export function openEvents({ tenant, start, end, filters, title }) {
  const list = element("ol.events");
  const foot = element("div.foot", {}, loading("the events"));
  const about = element("div");
  const dialog = element(
    "dialog.events-dialog",
    { "aria-label": `Events: ${title}`, onclose: () => dialog.remove() },
    element(
      "div.dialog-head",
      {},
      element("h2", {}, title),
      button("Close", () => dialog.close(), { class: "quiet-button" })
    ),
    about,
    list,
    foot
  );
  document.body.append(dialog);
  dialog.showModal();

  async function load(after) {
    fill(foot, loading("the events"));
    const parameters = {
      start: start.toISOString(),
      end: end.toISOString(),
      filters: JSON.stringify(filters),
      limit: 50,
      ...(after ? { after } : {}),
    };
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
          `${count(shown)} shown, newest first${page.next ? "" : "; these are all"}`
        )
      );
    } catch (error) {
      fill(foot, problemBox(asProblem(error), { again: () => load(after) }));
    }
  }

  load();
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
          element("pre", {}, JSON.stringify(event.attributes, null, 2) ?? "none")
        ),
        element("dt", {}, "file"),
        element("dd", {}, place(event, tenant))
      )
    )
  );
}

// Where its record stands; files are the operator's to see.
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
