// The overview's tables: feeds, files, reasons.

import { addressOf, readAddress, settle } from "./address.js";
import { get } from "./api.js";
import { button, element, fill, labelled, select } from "./dom.js";
import { ago, count, duration, instant } from "./format.js";
import { csvOfRows, linkTo } from "./overview_share.js";
import { getCallOf, shareBar, sqlOf } from "./share.js";
import { asProblem, empty, loading, problemBox } from "./states.js";
import { table } from "./table.js";

const STATUSES = [
  "balanced",
  "unbalanced",
  "pending",
  "failed",
  "replaced",
  "dismissed",
];
const MOST_SAVED = 1_000;
const BAD = new Set(["unbalanced", "failed"]);

export function feedsTable(feeds) {
  const numbers = [
    "Files",
    "Pending",
    "Failed",
    "Records",
    "Events",
    "Rejected lines",
    "Rejected events",
    "Duplicates",
  ];
  return table({
    caption: "What each feed has had",
    columns: [
      { name: "Feed" },
      { name: "State" },
      ...numbers.map((name) => ({ name, isNumber: true })),
      { name: "Newest file" },
    ],
    rows: feeds.map((feed) => [
      element(
        "a",
        { href: addressOf("overview", { feed: feed.feed, section: "files" }) },
        feed.feed
      ),
      stateOf(feed),
      count(feed.file_count),
      count(feed.pending_file_count),
      count(feed.failed_file_count),
      count(feed.record_count),
      count(feed.event_count),
      count(feed.rejected_line_count),
      count(feed.rejected_event_count),
      count(feed.duplicate_event_count),
      element(
        "span",
        { title: instant(feed.newest_load_at) },
        ago(feed.newest_load_at)
      ),
    ]),
  });
}

function stateOf(feed) {
  if (feed.failed_file_count) return status("failed");
  if (feed.unbalanced_file_count) return status("unbalanced");
  if (feed.oldest_pending_at) {
    const waits = (Date.now() - Date.parse(feed.oldest_pending_at)) / 1000;
    return element("span.status.pending", {}, `waits for ${duration(waits)}`);
  }
  return status("balanced");
}

function status(name) {
  return element(
    `span.status.${name}`,
    {},
    `${BAD.has(name) ? "✗ " : name === "balanced" ? "✓ " : ""}${name}`
  );
}

// The address says which files, so that an event can link to its own.
export function loadsSection(host, parameters) {
  const chosen = {
    feed: parameters.get("feed") ?? "",
    status: parameters.get("status") ?? "",
    load: parameters.get("load") ?? "",
  };
  const list = element("div");
  let loads = [];

  function rechoose(changes) {
    Object.assign(chosen, changes);
    const { tenant } = Object.fromEntries(readAddress().parameters);
    settle("overview", { tenant, ...chosen });
    loads = [];
    renderChoice();
    load();
  }

  async function load(after) {
    if (!after) fill(list, loading("the files"));
    const choice = loads;
    try {
      const answer = await get("/stats/loads", { parameters: askedFor(25, after) });
      // The user has chosen something else in the meantime.
      if (choice !== loads) return;
      loads.push(...answer.loads.filter(isChosen));
      show(chosen.load ? null : answer.next);
    } catch (error) {
      if (choice !== loads) return;
      fill(list, problemBox(asProblem(error), { again: () => load(after) }));
    }
  }

  function askedFor(limit, after) {
    const one = chosen.load && { after: String(Number(chosen.load) + 1), limit: 1 };
    return Object.fromEntries(
      Object.entries({
        feed: chosen.feed,
        status: chosen.status,
        limit,
        after,
        ...one,
      }).filter(([, value]) => value)
    );
  }

  function isChosen({ load_id }) {
    return !chosen.load || String(load_id) === chosen.load;
  }

  // The newest files, including those not shown yet.
  async function readMany() {
    const answer = await get("/stats/loads", { parameters: askedFor(MOST_SAVED) });
    return answer.loads.filter(isChosen);
  }

  function show(next) {
    fill(
      list,
      loads.length
        ? loadsTable(loads, chosen.load)
        : empty(
            "No such files.",
            button("Show all", () => rechoose({ feed: "", status: "", load: "" }), {
              class: "link",
            })
          ),
      next && button("Show more files", () => load(next))
    );
  }

  const choice = element("div.choice");

  function renderChoice() {
    fill(
      choice,
      chosen.load
        ? [
            `Load ${chosen.load} only. `,
            button("Show all", () => rechoose({ load: "" }), { class: "link" }),
          ]
        : [
            chosen.feed && [
              `Feed ${chosen.feed} only. `,
              button("Show all", () => rechoose({ feed: "" }), { class: "link" }),
            ],
            labelled(
              "Status",
              select(
                [["", "any"], ...STATUSES.map((name) => [name, name])],
                chosen.status,
                (name) => rechoose({ status: name })
              )
            ),
          ]
    );
  }

  renderChoice();
  const share = shareBar({
    of: "files",
    link: () => linkTo({ ...chosen, section: "files" }),
    call: async () =>
      getCallOf("/stats/loads", { parameters: askedFor(MOST_SAVED) }),
    sql: async () =>
      sqlOf(
        await get("/stats/loads", {
          parameters: { ...askedFor(MOST_SAVED), show_sql: "true" },
        })
      ),
    csv: async () => csvOfRows(await readMany()),
    json: async () => JSON.stringify(await readMany(), null, 2),
  });
  fill(host, choice, list, share);
  load();
}

// Shown only if there are any.
const GONE = [
  ["Of deleted users", "deleted_event_count"],
  ["Rows expired", "expired_row_count"],
  ["Rows deleted", "deleted_row_count"],
];

// The names of several files; the full address of a single one.
function nameOf(uri) {
  return uri.slice(uri.lastIndexOf("/") + 1) || uri;
}

function loadsTable(loads, chosen) {
  const numbers = [
    "Records",
    "Rejected lines",
    "Rows",
    "Events",
    "Reference",
    "Rejected",
    "Duplicates",
  ];
  const gone = GONE.filter(([, term]) => loads.some((load) => load[term]));
  return table({
    caption:
      "Records = rows + rejected lines; rows = events + reference rows + rejected events + duplicates" +
      (gone.length ? " + deleted users' records; each with what is gone since" : ""),
    columns: [
      { name: "Load" },
      { name: "State" },
      { name: "Feed and file" },
      ...[...numbers, ...gone.map(([name]) => name)].map((name) => ({ name, isNumber: true })),
      { name: "Loaded (UTC)" },
    ],
    rows: loads.map((load) => [
      String(load.load_id),
      status(load.status),
      element(
        "span.file",
        {},
        load.feed,
        element("br"),
        element("code", { title: load.uri }, chosen ? load.uri : nameOf(load.uri)),
        load.error && element("p.warn", {}, load.error)
      ),
      count(load.record_count),
      count(load.rejected_line_count),
      count(load.raw_row_count),
      count(load.event_count),
      count(load.reference_row_count),
      count(load.rejected_event_count),
      count(load.duplicate_event_count),
      ...gone.map(([, term]) => count(load[term])),
      instant(load.received_at).slice(0, 19),
    ]),
  });
}

export function rejectionsTable(rejections) {
  return [
    element(
      "p.quiet",
      {},
      "Nothing is lost: correct the feed's declaration, and ",
      element("code", {}, "warehouse replay"),
      " processes them again."
    ),
    table({
      caption: "Lines that can't be split, and events that can't be cast, by reason",
      columns: [
        { name: "Feed" },
        { name: "Kind" },
        { name: "Reason" },
        { name: "Records", isNumber: true },
        { name: "Files", isNumber: true },
        { name: "Examples" },
      ],
      rows: rejections.map((each) => [
        each.feed,
        each.kind,
        each.rejected_column ? `${each.rejected_column} ${each.reason}` : each.reason,
        count(each.record_count),
        count(each.file_count),
        element("ul.examples", {}, each.examples.map(example)),
      ]),
    }),
  ];
}

function example({ uri, text, line_number, load_id }) {
  const file = uri ? nameOf(uri) : `load ${load_id}`;
  return element(
    "li",
    {},
    element("code", {}, text ?? "(missing)"),
    element("span.quiet", { title: uri ?? "" }, ` ${file}, line ${line_number}`)
  );
}
