// The explore view's state, as the address has it.

import { readStructure } from "./address.js";
import { usualRange } from "./ranges.js";
import { emptySeries } from "./series_editor.js";
import { firstTenant } from "./session.js";

export function readSeries(written) {
  if (!Array.isArray(written) || !written.length) return null;
  return written.slice(0, 20).map((each) => ({
    type: String(each.type ?? ""),
    measure: ["events", "unique", "sum"].includes(each.measure)
      ? each.measure
      : "events",
    key: String(each.key ?? ""),
    filters: (Array.isArray(each.filters) ? each.filters : []).map(
      ([key, type, value]) => ({
        key: String(key ?? ""),
        type: String(type ?? "eq"),
        value: String(value ?? ""),
      })
    ),
  }));
}

// As short as possible, as people read addresses, too.
export function writeSeries(seriesList) {
  return JSON.stringify(
    seriesList.map(({ type, measure, key, filters }) => ({
      ...(type ? { type } : {}),
      ...(measure !== "events" ? { measure, key } : {}),
      ...(filters.length
        ? { filters: filters.map((each) => [each.key, each.type, each.value]) }
        : {}),
    }))
  );
}

export function readRange(parameters, tenant) {
  const range = parameters.get("range") ?? usualRange(tenant);
  return {
    range,
    start: parameters.get("start") ?? "",
    end: parameters.get("end") ?? "",
    bucket: parameters.get("bucket") ?? "",
    zone: parameters.get("zone") ?? "UTC",
  };
}

export function writeRange({ range, start, end, bucket, zone }) {
  return {
    range,
    ...(range === "custom" ? { start, end } : {}),
    bucket,
    ...(zone === "UTC" ? {} : { zone }),
  };
}

export function readState(parameters) {
  const tenant = parameters.get("tenant") ?? firstTenant();
  return {
    tenant,
    ...readRange(parameters, tenant),
    by: parameters.get("by") ?? "",
    top: parameters.get("top") ?? "5",
    chart: parameters.get("chart") === "bar" ? "bar" : "line",
    compare: parameters.get("compare") === "1",
    series: readSeries(readStructure(parameters, "series")) ?? [emptySeries()],
  };
}

export function writeState(state) {
  return {
    tenant: state.tenant,
    ...writeRange(state),
    by: state.by,
    ...(state.by && state.top !== "5" ? { top: state.top } : {}),
    ...(state.chart === "bar" ? { chart: "bar" } : {}),
    ...(state.compare ? { compare: "1" } : {}),
    series: writeSeries(state.series),
  };
}
