// The range of a question, and its buckets.

import { clockAt, floorTo, momentOf, nextBucket } from "./clocks.js";
import { daysOf } from "./session.js";
import { learnOf } from "./sign_in.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export const RANGES = [
  ["24h", "Last 24 hours"],
  ["7d", "Last 7 days"],
  ["14d", "Last 14 days"],
  ["30d", "Last 30 days"],
  ["90d", "Last 90 days"],
  ["all", "All events"],
  ["custom", "From … to …"],
];

export const BUCKETS = [
  ["", "Automatic"],
  ["5 minutes", "5 minutes"],
  ["15 minutes", "15 minutes"],
  ["hour", "Hour"],
  ["day", "Day"],
  ["week", "Week"],
  ["month", "Month"],
];

// Where there are events: the last two weeks, or all if those are older.
export function usualRange(tenant) {
  const days = daysOf(tenant);
  return days && Date.parse(days.last_date) < Date.now() - 14 * DAY ? "all" : "14d";
}

// {start, end, bucket}. Ranges begin and end on bucket boundaries, so that a smaller
// table than that of the events can answer.
export function resolveRange(state, now = Date.now()) {
  if (state.range === "custom") {
    const [start, end] = [moment(state.start), moment(state.end)];
    return { start, end, bucket: state.bucket || bucketFor(end - start) };
  }
  if (state.range === "all") {
    const days = daysOf(state.tenant);
    const start = new Date(days ? Date.parse(days.first_date) : now - 14 * DAY);
    const end = new Date((days ? Date.parse(days.last_date) : now) + DAY);
    return { start, end, bucket: state.bucket || bucketFor(end - start) };
  }
  const span = spanOf(state.range);
  const bucket = state.bucket || bucketFor(span);
  const current = floorTo(clockAt(now, state.zone), bucket);
  const end = momentOf(nextBucket(current, bucket), state.zone);
  const start = floorTo(clockAt(end - span, state.zone), bucket);
  return { start: momentOf(start, state.zone), end, bucket };
}

// The same, with the days that have events by now if those of the sign-in won't do.
export async function currentRange(state, signal) {
  if (state.range === "all" || !daysOf(state.tenant)) {
    // Whatever is wrong, the question will fail, too, and report it.
    await learnOf(state.tenant, signal).catch(() => {});
  }
  return resolveRange(state);
}

function spanOf(range) {
  const number = Number.parseInt(range, 10) || 14;
  return number * (range.endsWith("h") ? HOUR : DAY);
}

function moment(text) {
  const time = Date.parse(`${text}Z`);
  return new Date(Number.isNaN(time) ? Date.now() : time);
}

function bucketFor(span) {
  if (span <= 36 * HOUR) return span <= 12 * HOUR ? "5 minutes" : "15 minutes";
  if (span <= 4 * DAY) return "hour";
  if (span <= 180 * DAY) return "day";
  return span <= 3 * 366 * DAY ? "week" : "month";
}

// The last quarter of the range, in whole UTC days; null if it is shorter than a day.
export function shorterRange(state, take) {
  const { start, end } = resolveRange(state);
  const days = Math.floor((end - start) / DAY / 4);
  if (days < 1) return null;
  const until = new Date(Math.ceil(end / DAY) * DAY);
  return {
    text: days === 1 ? "Ask for the last day" : `Ask for the last ${days} days`,
    act: () => take(new Date(until - days * DAY), until),
  };
}

// A range of the same length that ends where this one starts.
export function rangeBefore({ start, end, bucket }) {
  return { start: new Date(start - (end - start)), end: start, bucket };
}

export function forInput(date) {
  return date.toISOString().slice(0, 16);
}

export const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC";
