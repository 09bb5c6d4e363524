// Overview: whether the warehouse is well, at a glance and in detail.

import { readAddress, settle } from "./address.js";
import { get } from "./api.js";
import { drawChart, loadCharts } from "./chart.js";
import { hours } from "./chart_specs.js";
import { element, fill } from "./dom.js";
import { feedsTable, loadsSection, rejectionsTable } from "./overview_tables.js";
import { ago, count, duration, instant } from "./format.js";
import { airflowAddress, isOperator } from "./session.js";
import { asProblem, empty, loading, problemBox } from "./states.js";
import { styled } from "./theme.js";

const HOUR = 3_600_000;
const REFRESH_MS = 30_000;

export function overviewView(host) {
  const { parameters } = readAddress();
  settle("overview", Object.fromEntries(parameters));
  const tiles = element("div");
  const charts = element("div");
  const feeds = element("div");
  const loads = element("div");
  const rejected = element("div");
  fill(
    host,
    element(
      "div.overview",
      {},
      element("h1", {}, isOperator() ? "The warehouse" : "Your events"),
      tiles,
      section("activity", "Events and arrivals", charts),
      isOperator() && section("feeds", "Feeds", feeds),
      isOperator() && section("files", "Files and where their records are", loads),
      section("rejected", "Rejected", rejected),
      isOperator() && airflowLinks()
    )
  );

  async function showState() {
    const stats = await get("/stats");
    showTiles(stats, tiles);
    // Who is at a link of theirs by keyboard would lose it.
    const isUsed = feeds.contains(document.activeElement);
    if (isOperator() && !isUsed) showFeeds(stats.feeds, feeds);
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
  // Only what nobody reads or works in at length.
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

function section(name, title, body) {
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

function tile(name, value, note, isBad = false) {
  return element(
    `div.tile${isBad ? ".bad" : ""}`,
    {},
    element("dt", {}, name),
    element("dd", {}, value),
    note && element("dd.quiet", {}, note)
  );
}

function showTiles(stats, tiles) {
  const { freshness } = stats;
  const newest = `newest file taken in ${ago(freshness.newest_load_at)}`;
  if (!isOperator()) {
    fill(
      tiles,
      element(
        "dl.tiles",
        {},
        tile("Events", count(stats.event_count), newest),
        tile(
          "In the last hour",
          count(stats.last_hour_event_count),
          "by their own time"
        ),
        tile(
          "From",
          stats.first_date ?? "–",
          stats.last_date ? `to ${stats.last_date}` : ""
        ),
        tile("Pending", count(freshness.pending_events), "loaded, not yet counted"),
        tile(
          "Rejected",
          count(freshness.rejected_events),
          "reasons are below",
          freshness.rejected_events > 0
        )
      )
    );
    return;
  }
  const failed = stats.feeds.reduce((sum, feed) => sum + feed.failed_file_count, 0);
  fill(
    tiles,
    element(
      "dl.tiles",
      {},
      tile(
        "Accounting",
        stats.is_balanced ? "✓ adds up" : "✗ look below",
        stats.is_balanced
          ? "each record is in its place"
          : `${failed} failed files, or records amiss`,
        !stats.is_balanced
      ),
      tile("Events", count(stats.event_count), newest),
      tile(
        "Arriving",
        `${count(stats.records_per_second)} /s`,
        "records, in the last hour"
      ),
      tile(
        "Lag",
        duration(stats.lag_seconds),
        "the oldest file that waits",
        stats.lag_seconds > 900
      ),
      tile(
        "Pending",
        count(freshness.pending_events),
        "events loaded, not yet counted"
      ),
      tile(
        "Rejected",
        count(stats.rejected_event_count),
        "events; reasons are below",
        stats.rejected_event_count > 0
      ),
      tile("Duplicates", count(stats.duplicate_event_count), "counted, kept once")
    )
  );
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

// Hours with nothing are 0, not left out.
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
