// Overview: whether the warehouse is healthy, at a glance and in detail.

import { readAddress, settle } from "./address.js";
import { get } from "./api.js";
import { drawChart, loadCharts } from "./chart.js";
import { hours } from "./chart_specs.js";
import { element, fill } from "./dom.js";
import { hoursOf, shareStats, totalsOf } from "./overview_share.js";
import { showTiles } from "./overview_tiles.js";
import { feedsTable, loadsSection, rejectionsTable } from "./overview_tables.js";
import { count, instant } from "./format.js";
import { airflowAddress, isOperator } from "./session.js";
import { asProblem, empty, loading, problemBox } from "./states.js";
import { styled } from "./theme.js";

const HOUR = 3_600_000;
const REFRESH_MS = 30_000;

const SHARED = {
  totals: { of: "state", path: "/stats", rowsOf: totalsOf },
  activity: {
    of: "activity",
    path: "/stats/activity",
    section: "activity",
    rowsOf: hoursOf,
  },
  feeds: {
    of: "feeds",
    path: "/stats",
    section: "feeds",
    rowsOf: ({ feeds }) => feeds,
  },
  rejected: {
    of: "rejected",
    path: "/stats/rejections",
    section: "rejected",
    rowsOf: ({ rejections }) => rejections,
  },
};

export function overviewView(host) {
  const { parameters } = readAddress();
  settle("overview", Object.fromEntries(parameters));
  const tiles = element("div");
  const charts = element("div");
  const feeds = element("div");
  const loads = element("div");
  const rejected = element("div");
  const share = Object.fromEntries(
    Object.entries(SHARED).map(([name, asked]) => [name, shareStats(asked)])
  );
  fill(
    host,
    element(
      "div.overview",
      {},
      element("h1", {}, isOperator() ? "The warehouse" : "Your events"),
      tiles,
      element("div", {}, share.totals),
      section("activity", "Events and arrivals", charts, share.activity),
      isOperator() && section("feeds", "Feeds", feeds, share.feeds),
      isOperator() && section("files", "Files and where their records are", loads),
      section("rejected", "Rejected", rejected, share.rejected),
      isOperator() && airflowLinks()
    )
  );

  async function showState() {
    const stats = await get("/stats");
    // A keyboard user on one of their links would lose the focus.
    const isUsed = (part) => part.contains(document.activeElement);
    if (!isUsed(tiles)) showTiles(stats, tiles);
    if (isOperator() && !isUsed(feeds)) showFeeds(stats.feeds, feeds);
  }

  const parts = [
    [tiles, "the state", showState],
    [
      charts,
      "the hours",
      async () => showActivity(await get("/stats/activity"), charts),
    ],
    [
      rejected,
      "what is rejected",
      async () => showRejections(await get("/stats/rejections"), rejected),
    ],
  ];
  for (const [part, what] of parts) fill(part, loading(what));
  loadCharts().catch(() => {});
  Promise.all(parts.map((part) => showPart(...part))).then(() =>
    scrollTo(parameters.get("section"))
  );
  if (isOperator()) loadsSection(loads, parameters);
  // Only parts that nobody reads or works in for long.
  const timer = setInterval(
    () => document.hidden || showPart(tiles, "", showState),
    REFRESH_MS
  );
  return () => clearInterval(timer);
}

async function showPart(part, _, show) {
  try {
    await show();
  } catch (error) {
    fill(part, problemBox(asProblem(error), { again: () => showPart(part, _, show) }));
  }
}

function section(name, title, ...body) {
  return element(
    "section",
    { id: `section-${name}`, "aria-label": title },
    element("h2", {}, title),
    body
  );
}

function scrollTo(name) {
  if (name) document.getElementById(`section-${name}`)?.scrollIntoView();
}

function showFeeds(feeds, host) {
  const none = empty(
    "No feed has had a file.",
    "make run loads a sample; feeds.yml says where files land."
  );
  fill(host, feeds.length ? feedsTable(feeds) : none);
}

function showActivity(activity, charts) {
  if (!activity.start) {
    fill(charts, empty("No events yet.", "make run loads a sample and shows it."));
    return;
  }
  const hosts = [element("div.chart"), activity.arrivals && element("div.chart")];
  fill(
    charts,
    element(
      "p.quiet",
      {},
      `Events by the hour they happened in, up to the newest: ${instant(activity.start)} to ${instant(activity.end)} (UTC)`
    ),
    hosts[0],
    hosts[1] && [
      element(
        "p.quiet",
        {},
        `Records by the hour they arrived in: ${arrivalsSaid(activity.arrivals)}`
      ),
      hosts[1],
    ]
  );
  const events = hourly(
    activity.events,
    "event_hour",
    "event_count",
    Date.parse(activity.start),
    Date.parse(activity.end)
  );
  drawChart(hosts[0], () =>
    hours({ values: events, title: "events", color: styled("accent") })
  );
  if (!hosts[1] || !activity.arrivals.length) return;
  // At least a day, so that the first hour does not look like all there is.
  const first = Math.min(
    Date.parse(activity.arrivals[0].received_hour),
    floorHour(Date.now()) - 23 * HOUR
  );
  const arrivals = hourly(
    activity.arrivals,
    "received_hour",
    "record_count",
    Math.max(first, floorHour(Date.now()) - 14 * 24 * HOUR),
    Date.now()
  );
  drawChart(hosts[1], () =>
    hours({ values: arrivals, title: "records", color: styled("accent-2") })
  );
}

function floorHour(time) {
  return Math.floor(time / HOUR) * HOUR;
}

function arrivalsSaid(arrivals) {
  const newest = arrivals.at(-1);
  if (!newest) return "none yet";
  return `${count(newest.record_count)} in ${newest.file_count} files in the newest, ${instant(newest.received_hour)}`;
}

// Hours without any are 0, not left out.
function hourly(rows, hourName, valueName, start, end) {
  const counted = new Map(
    rows.map((row) => [Date.parse(row[hourName]), row[valueName]])
  );
  const values = [];
  for (let clock = start; clock < end && values.length < 2_000; clock += HOUR) {
    values.push({ clock, value: counted.get(clock) ?? 0 });
  }
  return values;
}

function showRejections({ rejections }, host) {
  fill(
    host,
    rejections.length
      ? rejectionsTable(rejections)
      : empty(
          "Nothing is rejected.",
          "Lines that can't be split and events that can't be cast would be listed here with their reason."
        )
  );
}

function airflowLinks() {
  const link = (path, text) =>
    element(
      "li",
      {},
      element(
        "a",
        { href: airflowAddress(path), target: "_blank", rel: "noopener" },
        text
      )
    );
  return section(
    "airflow",
    "Runs",
    element(
      "ul.links",
      {},
      link(
        "/dags/apply_new_events/runs",
        "Runs of apply_new_events, every five minutes"
      ),
      link("/dag_runs?state=failed", "Failed runs"),
      link("/dags", "All DAGs, backfills")
    )
  );
}
