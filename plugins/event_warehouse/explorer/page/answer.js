// The rows of an answer as lines: one for each series and group, with a value for each
// bucket, 0 or nothing where there were no events.

import { bucketStarts } from "./clocks.js";
import { measureColumn, namesOf } from "./question.js";

export const NONE = "(none)";

// [{ series, group, name, points: Map(clock in ms → {value, start}), total }]
export function linesOf(answer, state) {
  const names = namesOf(state.series);
  const lines = new Map();
  for (const row of answer.rows) {
    const series = names.indexOf(row.series);
    const group = state.by ? row[state.by] : undefined;
    const id = JSON.stringify([series, group]);
    if (!lines.has(id)) lines.set(id, emptyLine(series, group, names[series], state));
    const value = row[measureColumn(state.series[series])];
    const clock = Date.parse(`${row.bucket_local}Z`);
    const { points } = lines.get(id);
    const same = points.get(clock);
    // When summer time ends, an hour occurs twice: both are one point.
    points.set(
      clock,
      same
        ? { ...same, value: (same.value ?? 0) + (value ?? 0) }
        : { value, start: row.bucket_start }
    );
  }
  // A series without any event is a line of zeros, not missing.
  names.forEach((name, series) => {
    if (![...lines.values()].some((line) => line.series === series)) {
      lines.set(`${series}`, emptyLine(series, undefined, name, state));
    }
  });
  return [...lines.values()].sort((one, other) => one.series - other.series);
}

function emptyLine(series, group, name, state) {
  const shown =
    group === undefined
      ? name
      : `${state.series.length > 1 ? `${name} · ` : ""}${group ?? NONE}`;
  return { series, group, name: shown, points: new Map(), total: null };
}

// For the whole range, as distinct counts can't be added up over buckets.
export function addTotals(lines, totals, state) {
  const names = namesOf(state.series);
  for (const line of lines) {
    const column = measureColumn(state.series[line.series]);
    const row = totals.rows.find(
      (each) =>
        each.series === names[line.series] &&
        (!state.by || line.group === undefined || each[state.by] === line.group)
    );
    line.total = row ? row[column] : 0;
  }
}

export function addSums(lines) {
  for (const line of lines) {
    line.total = [...line.points.values()].reduce(
      (sum, { value }) => sum + (value ?? 0),
      0
    );
  }
}

export function needsTotals(state) {
  return state.series.some((each) => measureColumn(each).startsWith("unique("));
}

// The clocks of the buckets that have begun.
export function clocksOf({ start, end, bucket }, zone, now = Date.now()) {
  const until = new Date(Math.min(end, Math.max(now, start.getTime() + 1)));
  return bucketStarts(start, until, bucket, zone).map((clock) => clock.getTime());
}
