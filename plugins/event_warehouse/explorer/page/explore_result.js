// The answer of the explore view: totals, chart, table, and the actions on them.

import { post, postForCsv } from "./api.js";
import { NONE } from "./answer.js";
import { drawChart } from "./chart.js";
import { overTime } from "./chart_specs.js";
import { clockAt, momentOf, nextBucket } from "./clocks.js";
import { button, element } from "./dom.js";
import { openEvents } from "./event_list.js";
import { bucketName, change, count, minute } from "./format.js";
import { freshnessLine } from "./freshness.js";
import { filtersOf, measureName } from "./question.js";
import { daysOf } from "./session.js";
import { callOf, shareBar, sqlOf } from "./share.js";
import { empty } from "./states.js";
import { seriesClass } from "./theme.js";
import { table } from "./table.js";

// widen(): ask for all events; narrow(start, end): for those between.
export function exploreResult(asked, state, { widen, narrow }) {
  const { range, earlier, now, before } = asked;
  const pairs = now.lines.map((line) => ({ line, before: lineBefore(before, line) }));
  const title = titleOf(state);
  const drill = (line, clock) => openEvents(eventsAt(line, clock, range, state));
  return element(
    "div.answer",
    {},
    element("h2", {}, headingOf(state, title)),
    element(
      "p.quiet",
      {},
      `${minute(range.start)} to ${minute(range.end)} (UTC), by ${range.bucket}`,
      earlier &&
        `; dashed: the same time before, from ${minute(earlier.start)}`
    ),
    freshnessLine(now.answer, state.tenant),
    now.answer.rows.length === 0
      ? nothing(state, widen)
      : [
          totals(pairs, title, before),
          chartOf(asked, state, title, drill),
          stillFilling(range),
          onlyWhereEventsAre(now, range, state, narrow),
          pivot(asked, pairs, state, drill),
        ],
    shareBar({
      of: "counts",
      csv: () => postForCsv(now.body, { tenant: state.tenant }),
      json: async () => JSON.stringify(now.answer, null, 2),
      call: async () => callOf(now.body, state.tenant),
      sql: async () =>
        sqlOf(
          await post(
            "/query",
            { ...now.body, show_sql: true },
            { tenant: state.tenant }
          )
        ),
    })
  );
}

function titleOf(state) {
  const names = new Set(state.series.map(measureName));
  return names.size === 1 ? [...names][0] : "number";
}

function headingOf(state, title) {
  const types = [
    ...new Set(state.series.map((each) => each.type || "all events")),
  ].join(", ");
  const of = title === "events" ? "Events" : title[0].toUpperCase() + title.slice(1);
  return `${of} of ${state.tenant}: ${types}${state.by ? ` by ${state.by}` : ""}`;
}

function nothing(state, widen) {
  const days = daysOf(state.tenant);
  if (!days) {
    return empty(
      `${state.tenant} has no events.`,
      "Choose another tenant above, or load some: make run generates a sample, and files in the landing folder are loaded every five minutes."
    );
  }
  return empty(
    "No events match.",
    `There are ${count(days.event_count)} from ${days.first_date} to ${days.last_date}: take away a filter, or `,
    button("ask for all of them", widen, { class: "link" })
  );
}

function lineBefore(before, line) {
  return before?.lines.find(
    (each) => each.series === line.series && each.group === line.group
  );
}

function totals(pairs, title, before) {
  return element(
    "ul.totals",
    { "aria-label": "Totals" },
    pairs.map(({ line, before: earlier }, index) => {
      const swatch = `span.swatch.${seriesClass(index)}`;
      return element(
        "li",
        {},
        element(swatch, { "aria-hidden": "true" }),
        element("span.name", {}, line.name),
        element("strong", {}, count(line.total)),
        element("span.quiet", {}, ` ${title}`),
        before &&
          element("span.change", {}, ` ${change(line.total, earlier?.total ?? 0)}`)
      );
    })
  );
}

function chartOf({ range, earlier, now, before }, state, title, drill) {
  const host = element("div.chart");
  const shift = (lines) =>
    now.lines.map((line) => ({
      ...line,
      points: lineBefore({ lines }, line)?.points ?? new Map(),
    }));
  drawChart(
    host,
    () =>
      overTime({
        lines: now.lines,
        before: before && shift(before.lines),
        clocks: now.clocks,
        clocksBefore: before?.clocks,
        bucket: range.bucket,
        chart: state.chart,
        title,
      }),
    {
      onpick: (datum) =>
        datum.value > 0 &&
        datum.own === datum.clock &&
        drill(now.lines[datum.place], datum.clock),
    }
  );
  return host;
}

function stillFilling({ end, bucket }) {
  return (
    end > Date.now() &&
    element("p.quiet.note", {}, `The last ${bucket} is not over yet.`)
  );
}

// A range that is mostly empty hides what is in it.
function onlyWhereEventsAre({ lines, clocks }, { bucket }, { zone }, narrow) {
  const filled = clocks.filter((clock) =>
    lines.some((line) => line.points.get(clock)?.value)
  );
  const last = filled.length && nextBucket(new Date(filled.at(-1)), bucket);
  const held = clocks.filter((clock) => clock >= filled[0] && clock < last).length;
  if (!held || held * 4 > clocks.length) return false;
  const [from, to] = [momentOf(new Date(filled[0]), zone), momentOf(last, zone)];
  return element(
    "p",
    {},
    `All of them lie between ${minute(from)} and ${minute(to)}: `,
    button("show only that", () => narrow(from, to), { class: "link" })
  );
}

// Each number is a button that opens its events, as does each point of the chart.
function pivot({ range, now, before }, pairs, state, drill) {
  const columns = pairs.flatMap(({ line }) => [
    { name: line.name, isNumber: true },
    ...(before ? [{ name: `${line.name}, before`, isNumber: true }] : []),
  ]);
  const rows = now.clocks.map((clock, place) => [
    bucketName(new Date(clock), range.bucket),
    ...pairs.flatMap(({ line, before: earlier }) => [
      cellOf(line, clock, range, drill),
      ...(before ? [count(earlier?.points.get(before.clocks[place])?.value ?? 0)] : []),
    ]),
  ]);
  return table({
    caption: "The same as numbers; each leads to its events",
    columns: [{ name: `${range.bucket} (${state.zone})` }, ...columns],
    rows,
  });
}

function cellOf(line, clock, range, drill) {
  const value = line.points.get(clock)?.value ?? 0;
  if (!value) return count(value);
  const when = bucketName(new Date(clock), range.bucket);
  return button(count(value), () => drill(line, clock), {
    class: "number",
    "aria-label": `${count(value)}: events of ${line.name}, ${when}`,
  });
}

function eventsAt(line, clock, range, state) {
  const series = state.series[line.series];
  const from =
    line.points.get(clock)?.start ??
    momentOf(new Date(clock), state.zone).toISOString();
  const to = momentOf(
    nextBucket(clockAt(Date.parse(from), state.zone), range.bucket),
    state.zone
  );
  const group =
    line.group === null
      ? [{ type: "not_exists", key: state.by }]
      : [{ type: "eq", key: state.by, value: line.group }];
  return {
    tenant: state.tenant,
    start: new Date(Math.max(Date.parse(from), range.start)),
    end: new Date(Math.min(to, range.end)),
    filters: [
      ...filtersOf(series),
      ...(state.by && line.group !== undefined ? group : []),
    ],
    title: `${line.name}${line.group === null ? ` ${NONE}` : ""}, ${bucketName(new Date(clock), range.bucket)}`,
  };
}
