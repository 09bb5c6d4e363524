// Asks for what the explore view shows: the range, on request the one before it, and
// totals that can't be added up from buckets.

import { post } from "./api.js";
import { addSums, addTotals, clocksOf, linesOf, needsTotals } from "./answer.js";
import { loadCharts } from "./chart.js";
import { exploreBody } from "./question.js";
import { rangeBefore, resolveRange } from "./ranges.js";

export async function askExplore(state, signal) {
  loadCharts().catch(() => {});
  const range = resolveRange(state);
  const earlier = state.compare ? rangeBefore(range) : null;
  const [now, before] = await Promise.all([
    askRange(state, range, signal),
    earlier && askRange(state, earlier, signal),
  ]);
  return { range, earlier, now, before };
}

async function askRange(state, range, signal) {
  const body = exploreBody(state, range);
  const options = { tenant: state.tenant, signal };
  const [answer, totals] = await Promise.all([
    post("/query", body, options),
    needsTotals(state) &&
      post("/query", exploreBody(state, { ...range, bucket: null }), options),
  ]);
  const lines = linesOf(answer, state);
  if (totals) addTotals(lines, totals, state);
  else addSums(lines);
  return { body, answer, lines, clocks: clocksOf(range, state.zone) };
}
