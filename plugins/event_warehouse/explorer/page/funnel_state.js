// The funnel view's state, as the address has it.

import { readStructure } from "./address.js";
import { readRange, readSeries, writeRange, writeSeries } from "./explore_state.js";
import { firstTenant } from "./session.js";

export const ORDERS = [
  ["exact_order", "in order, others may come between"],
  ["strict", "in order, nothing between"],
  ["any", "in any order"],
];

export function readFunnel(parameters) {
  const tenant = parameters.get("tenant") ?? firstTenant();
  const match = readStructure(parameters, "match");
  const order = parameters.get("order");
  return {
    tenant,
    ...readRange(parameters, tenant),
    bucket: "",
    steps: readSeries(readStructure(parameters, "steps")),
    order: ORDERS.some(([name]) => name === order) ? order : "exact_order",
    match: Array.isArray(match) && match.length ? match.map(String) : ["user_id"],
    window: seconds(parameters.get("window")),
    stepWindow: seconds(parameters.get("stepwindow")),
    by: parameters.get("by") ?? "",
  };
}

function seconds(text) {
  return Number(text) > 0 ? Number(text) : "";
}

export function writeFunnel(state) {
  const isUsual = state.match.length === 1 && state.match[0] === "user_id";
  return {
    tenant: state.tenant,
    ...writeRange(state),
    ...(state.order === "exact_order" ? {} : { order: state.order }),
    match: isUsual ? "" : JSON.stringify(state.match),
    window: state.window,
    stepwindow: state.stepWindow,
    by: state.by,
    steps: writeSeries(state.steps),
  };
}
