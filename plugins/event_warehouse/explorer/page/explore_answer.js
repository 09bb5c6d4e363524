// Gets what the explore view shows: the range, the one before it if requested, and
// totals that can't be added up from buckets.

import { post } from "./api.js";
import { addSums, addTotals, clocksOf, linesOf, needsTotals } from "./answer.js";
import { loadCharts } from "./chart.js";
import { exploreBody } from "./question.js";
import { currentRange, rangeBefore } from "./ranges.js";

export async function askExplore(state, signal) {
  loadCharts().catch(() => {});
  const range = await currentRange(state, signal);
  const earlier = state.compare ? rangeBefore(range) : null;
  // With groups, the earlier range is asked for those shown, which are known only later:
  // its own largest groups may differ, and a group not among them would look new.
  const asked = askRange(state, range, signal);
  const [now, before] = await Promise.all([
    asked,
    earlier &&
      askRange(state, earlier, signal, state.by ? groupsOf((await asked).lines) : []),
  ]);
  return { range, earlier, now, before };
}

function groupsOf(lines) {
  const groups = new Set(lines.map(({ group }) => group));
  return [...groups].filter((group) => group !== undefined);
}

async function askRange(state, range, signal, groups = []) {
  const body = exploreBody(state, range, groups);
  const options = { tenant: state.tenant, signal };
  const [answer, totals] = await Promise.all([
    post("/query", body, options),
    needsTotals(state) &&
      post("/query", exploreBody(state, { ...range, bucket: null }, groups), options),
  ]);
  const lines = linesOf(answer, state);
  if (totals) addTotals(lines, totals, state);
  else addSums(lines);
  return { body, answer, lines, clocks: clocksOf(range, state.zone) };
}
