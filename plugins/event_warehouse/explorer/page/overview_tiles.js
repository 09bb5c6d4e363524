// The state of the warehouse in a few numbers, and whether data still arrives.

import { element, fill } from "./dom.js";
import { ago, count, duration, instant, longSpan } from "./format.js";
import { airflowAddress, isOperator } from "./session.js";

// Three runs of a five-minute schedule: one may just be over, one may take long.
const LATE_SECONDS = 900;

function tile(name, value, note, isBad = false) {
  return element(
    `div.tile${isBad ? ".bad" : ""}`,
    {},
    element("dt", {}, name),
    element("dd", {}, value),
    note && element("dd.quiet", {}, note)
  );
}

export function showTiles(stats, tiles) {
  const { freshness } = stats;
  const newestLoad = newestLoadOf(stats);
  const newest = tile(
    "Newest load",
    ago(newestLoad),
    newestLoad ? `${instant(newestLoad).slice(0, 19)} UTC` : "make run loads a sample",
    secondsSince(newestLoad) > LATE_SECONDS
  );
  if (!isOperator()) {
    fill(
      tiles,
      lateNotice(newestLoad),
      element(
        "dl.tiles",
        {},
        tile("Events", count(stats.event_count), "each of them once"),
        newest,
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
    lateNotice(newestLoad),
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
      tile("Events", count(stats.event_count), "each of them once"),
      newest,
      tile(
        "Arriving",
        `${count(stats.records_per_second)} /s`,
        "records, in the last hour"
      ),
      tile(
        "Lag",
        duration(stats.lag_seconds),
        "the oldest file that waits",
        stats.lag_seconds > LATE_SECONDS
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

// For an operator's feeds also what is loaded but not yet counted.
function newestLoadOf({ feeds = [], freshness }) {
  const times = feeds.map((feed) => feed.newest_load_at).filter(Boolean);
  return times.sort().at(-1) ?? freshness.newest_load_at;
}

function secondsSince(iso) {
  return iso ? (Date.now() - Date.parse(iso)) / 1000 : 0;
}

// A fact, not an alarm: from here, no file arriving looks the same as nobody looking for
// files.
function lateNotice(newestLoad) {
  const seconds = secondsSince(newestLoad);
  if (seconds <= LATE_SECONDS) return false;
  const fact = element(
    "strong",
    {},
    `Nothing has been loaded for ${longSpan(seconds)}.`
  );
  return element(
    "div.notice",
    {},
    element("p", {}, fact, " The numbers below are from before that."),
    isOperator()
      ? element(
          "p",
          {},
          "After a sample or a single make run this is expected. If files are arriving, check whether Airflow ",
          element(
            "a",
            {
              href: airflowAddress("/dags/apply_new_events/runs"),
              target: "_blank",
              rel: "noopener",
            },
            "runs every five minutes"
          ),
          "; if that page does not open, ",
          element("code", {}, "make status"),
          " says what is stopped, ",
          element("code", {}, "make up"),
          " starts it."
        )
      : element(
          "p",
          {},
          "If you have sent events since then, ask whoever runs the warehouse: it looks for new events every five minutes."
        )
  );
}
