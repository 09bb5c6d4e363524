// What charts look like, as Vega-Lite specifications: data, marks, channels.

import { bucketName, count, percent } from "./format.js";
import { colourOf, styled } from "./theme.js";

const SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"; // a name; not fetched
const MOST_POINTS = 400;
const LONG = new Set(["day", "week", "month", "quarter", "year"]); // without a time of day
const LETTER_PX = 6.6; // of a label, on average
const SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down"];

// Lines or bars over time; `before` are the same lines in the period before.
export function overTime({
  lines,
  before,
  clocks,
  clocksBefore,
  bucket,
  chart,
  title,
}) {
  const shown = lines.map((line) => line.name);
  const values = valuesOf(lines, clocks, clocks, bucket);
  const earlier = before
    ? valuesOf(before, clocksBefore, clocks, bucket, " before")
    : [];
  const colour = {
    field: "line",
    type: "nominal",
    legend: null,
    scale: { domain: shown, range: shown.map((_, index) => colourOf(index)) },
  };
  const x = timeAxis("clock", ticksOf(bucket, clocks.length));
  const y = {
    field: "value",
    type: "quantitative",
    axis: { title, tickCount: 5, format: formatFor(values) },
    scale: { zero: true },
  };
  const common = {
    color: colour,
    tooltip: [
      { field: "line", title: "what" },
      { field: "when", title: "when" },
      { field: "shown", title },
    ],
    description: { field: "said" },
  };
  const isBars = chart === "bar";
  const places = isBars && barPlaces(x, shown, !LONG.has(bucket));
  const layers = (
    isBars ? [bars(places, y, common)] : linesAndPoints(x, y, common, shown, values)
  ).map((layer) => ({ data: { values }, ...layer }));
  if (earlier.length && isBars) layers.push(barsBefore(earlier, places, y));
  if (earlier.length && !isBars) layers.unshift(linesBefore(earlier, x, y, colour));
  return {
    $schema: SCHEMA,
    description: `${title} by ${bucket}: ${shown.join(", ")}. The table below has the numbers.`,
    width: "container",
    height: 300,
    autosize: { type: "fit-x", contains: "padding" },
    layer: layers,
  };
}

function valuesOf(lines, own, shownAt, bucket, suffix = "") {
  return lines.flatMap((line, place) =>
    shownAt.map((clock, index) => {
      const value = line.points.get(own[index])?.value ?? 0;
      const when =
        own[index] === undefined ? "" : bucketName(new Date(own[index]), bucket);
      return {
        line: line.name,
        place,
        clock,
        own: own[index],
        value,
        when,
        shown: count(value),
        said: `${line.name}${suffix}, ${when}: ${count(value)}`,
      };
    })
  );
}

function linesAndPoints(x, y, common, shown, values) {
  const line = {
    mark: { type: "line", strokeWidth: 2, aria: false },
    encoding: { x, y, color: common.color },
  };
  const size = values.length > MOST_POINTS ? 12 : 45;
  const points = {
    mark: { type: "point", filled: true, size, opacity: 1, cursor: "pointer" },
    encoding: {
      x,
      y,
      ...common,
      shape: {
        field: "line",
        type: "nominal",
        legend: null,
        scale: {
          domain: shown,
          range: shown.map((_, index) => SHAPES[index % SHAPES.length]),
        },
      },
    },
  };
  return [line, points];
}

// Side by side; all layers must have the same encoding, as they share the scale.
function barPlaces(x, shown, hasTimes) {
  return {
    x: { ...x, type: "ordinal", scale: undefined, axis: ordinalAxis(x, hasTimes) },
    xOffset: { field: "line", sort: shown },
  };
}

function bars(places, y, common) {
  return {
    mark: { type: "bar", cursor: "pointer", tooltip: true },
    encoding: { ...places, y, ...common },
  };
}

// Outlines, which are visible in front of a bar and above it.
function barsBefore(values, places, y) {
  return {
    data: { values },
    mark: {
      type: "bar",
      filled: false,
      stroke: styled("text"),
      strokeWidth: 1.2,
      strokeDash: [4, 3],
      aria: false,
    },
    encoding: { ...places, y: { ...y, stack: null } },
  };
}

// One name for several bars each, as in a calendar.
function ordinalAxis({ axis }, hasTimes) {
  return {
    ...axis,
    labelAngle: 0,
    tickCount: undefined,
    format: undefined,
    labelExpr: `utcFormat(datum.value, '${hasTimes ? "%-d %b %H:%M" : "%-d %b"}')`,
  };
}

function linesBefore(values, x, y, color) {
  return {
    data: { values },
    mark: {
      type: "line",
      strokeWidth: 1.5,
      strokeDash: [5, 4],
      opacity: 0.75,
      aria: false,
    },
    encoding: { x, y, color },
  };
}

// 200 and not 0.2k, but 200k and not 200,000.
function formatFor(values) {
  return values.some(({ value }) => value >= 10_000) ? "~s" : ",~f";
}

// How many reach each step of a funnel, with a colour per group.
export function funnelSteps({ steps, groups }) {
  const names = [...new Set(steps.map((step) => step.name))];
  const values = steps.map((step) => ({
    ...step,
    label: `${count(step.user_count)} · ${percent(step.conversion_from_start)}`,
    said: `${step.name}${groups.length > 1 ? `, ${step.group}` : ""}: ${count(step.user_count)}, ${percent(step.conversion_from_start)} of the first step`,
  }));
  const most = Math.max(1, ...steps.map((step) => step.user_count));
  const room = 10 + LETTER_PX * Math.max(...values.map(({ label }) => label.length));
  const y = {
    field: "name",
    type: "nominal",
    sort: names,
    axis: { title: null, labelLimit: 150 },
  };
  const encoding = {
    x: {
      field: "user_count",
      type: "quantitative",
      // The labels follow the bars, and their length does not depend on the width.
      scale: { domainMax: { expr: `${most} * width / max(width - ${room}, width / 3)` } },
      axis: {
        title: "who reached the step",
        tickCount: 4,
        format: formatFor(steps.map((step) => ({ value: step.user_count }))),
      },
    },
    y,
    yOffset: { field: "group", sort: groups },
    color: {
      field: "group",
      type: "nominal",
      legend:
        groups.length > 1
          ? { title: null, orient: "top", labelColor: styled("text") }
          : null,
      scale: { domain: groups, range: groups.map((_, index) => colourOf(index)) },
    },
  };
  return {
    $schema: SCHEMA,
    description: "How many reached each step. The table below has the numbers.",
    data: { values },
    width: "container",
    height: { step: groups.length > 1 ? 26 : 46 },
    autosize: { type: "fit-x", contains: "padding" },
    layer: [
      {
        mark: { type: "bar", cornerRadiusEnd: 3 },
        encoding: {
          ...encoding,
          description: { field: "said" },
          tooltip: [
            { field: "name", title: "step" },
            { field: "user_count", title: "reached by", format: "," },
            { field: "label", title: "of the first" },
          ],
        },
      },
      {
        mark: { type: "text", align: "left", dx: 6, fontSize: 12, aria: false },
        encoding: {
          ...encoding,
          color: { value: styled("text") },
          text: { field: "label" },
        },
      },
    ],
  };
}

// A single measure by hour; values: [{ clock, value }]
export function hours({ values, title, color }) {
  const hour = 3_600_000;
  return {
    $schema: SCHEMA,
    description: `${title} by hour, ${values.length} hours; the highest is ${count(Math.max(0, ...values.map((each) => each.value)))}.`,
    data: { values: values.map((each) => ({ ...each, end: each.clock + hour })) },
    width: "container",
    height: 150,
    autosize: { type: "fit-x", contains: "padding" },
    mark: { type: "bar", color, aria: false },
    encoding: {
      x: timeAxis("clock"),
      x2: { field: "end" },
      y2: { datum: 0 },
      y: {
        field: "value",
        type: "quantitative",
        axis: { title, tickCount: 4, format: formatFor(values) },
      },
    },
  };
}

// Ticks on whole buckets only: there is no data between two days.
function ticksOf(bucket, length) {
  const interval =
    LONG.has(bucket) && length <= 60 ? (bucket === "quarter" ? "month" : bucket) : null;
  return interval ? { interval, step: Math.max(1, Math.ceil(length / 10)) } : undefined;
}

// 24-hour clocks, whatever the browser's language.
function timeAxis(field, tickCount = { expr: "max(2, width / 90)" }) {
  return {
    field,
    type: "temporal",
    scale: { type: "utc" },
    axis: {
      title: null,
      labelOverlap: "greedy",
      tickCount,
      format: {
        year: "%Y",
        quarter: "%b %Y",
        month: "%b %Y",
        week: "%-d %b",
        date: "%-d %b",
        hours: "%H:%M",
        minutes: "%H:%M",
        seconds: "%H:%M:%S",
        milliseconds: "%H:%M:%S",
      },
    },
  };
}
