// The answer of the funnel view: how many reached each step, and how fast.

import { post } from "./api.js";
import { NONE } from "./answer.js";
import { drawChart } from "./chart.js";
import { funnelSteps } from "./chart_specs.js";
import { element } from "./dom.js";
import { count, duration, minute, percent } from "./format.js";
import { freshnessLine } from "./freshness.js";
import { callOf, csvOf, shareBar, sqlOf } from "./share.js";
import { empty } from "./states.js";
import { table } from "./table.js";

const MOST_GROUPS = 6;

export function funnelResult({ answer, body, range }, state) {
  const [funnel] = answer.funnels ?? [];
  const steps = (funnel?.steps ?? []).map((step) => ({
    ...step,
    name: `${step.step_number}. ${step.step}`,
    group: state.by ? (step.breakdown ?? NONE) : "all",
  }));
  const first = steps.filter((step) => step.step_number === 1);
  const groups = [...first]
    .sort((one, other) => other.user_count - one.user_count)
    .map((step) => step.group);
  steps.sort(
    (one, other) =>
      groups.indexOf(one.group) - groups.indexOf(other.group) ||
      one.step_number - other.step_number
  );
  const shown = groups.slice(0, MOST_GROUPS);
  const inTable =
    funnel?.group_count > groups.length
      ? `the table the first ${groups.length}`
      : "the table all";
  const actor = state.match.includes("user_id")
    ? "users"
    : `distinct ${state.match[0]}`;
  return element(
    "div.answer",
    {},
    element(
      "h2",
      {},
      `Funnel of ${state.tenant}: ${actor}${state.by ? ` by ${state.by}` : ""}`
    ),
    element(
      "p.quiet",
      {},
      `${minute(range.start)} to ${minute(range.end)} (UTC)`
    ),
    freshnessLine(answer, state.tenant),
    first.some((step) => step.user_count > 0)
      ? [
          chartOf(
            steps.filter((step) => shown.includes(step.group)),
            shown
          ),
          groups.length > shown.length &&
            element(
              "p.quiet",
              {},
              `The chart shows the ${MOST_GROUPS} largest of ${count(funnel.group_count)} groups, ${inTable}.`
            ),
          stepsTable(steps, state),
        ]
      : empty(
          "Nobody takes the first step.",
          "Choose another event type for it, a longer range, or fewer keys that have to be the same."
        ),
    shareBar({
      of: "funnel",
      csv: async () =>
        csvOf(
          COLUMNS,
          steps.map((step) => COLUMNS.map((name) => step[name]))
        ),
      json: async () => JSON.stringify(answer, null, 2),
      call: async () => callOf(body, state.tenant),
      sql: async () =>
        sqlOf(
          await post("/query", { ...body, show_sql: true }, { tenant: state.tenant })
        ),
    })
  );
}

const COLUMNS = [
  "step_number",
  "step",
  "breakdown",
  "user_count",
  "match_count",
  "conversion_from_start",
  "conversion_from_previous",
  "median_seconds",
  "p90_seconds",
  "median_seconds_from_previous",
];

function chartOf(steps, groups) {
  const host = element("div.chart");
  drawChart(host, () => funnelSteps({ steps, groups }));
  return host;
}

function stepsTable(steps, state) {
  const hasMatches = state.match.length > 1;
  const numbers = (...names) => names.map((name) => ({ name, isNumber: true }));
  return table({
    caption: "The same as numbers",
    columns: [
      { name: "Step" },
      ...(state.by ? [{ name: state.by }] : []),
      ...numbers(state.match.includes("user_id") ? "Users" : state.match[0]),
      ...(hasMatches ? numbers("With match keys") : []),
      ...numbers(
        "Of the first",
        "Of the one before",
        "Median time",
        "90 % within",
        "Step alone"
      ),
    ],
    rows: steps.map((step) => [
      step.name,
      ...(state.by ? [step.group] : []),
      count(step.user_count),
      ...(hasMatches ? [count(step.match_count)] : []),
      percent(step.conversion_from_start),
      percent(step.conversion_from_previous),
      step.step_number === 1 ? "–" : duration(step.median_seconds),
      step.step_number === 1 ? "–" : duration(step.p90_seconds),
      duration(step.median_seconds_from_previous),
    ]),
  });
}
