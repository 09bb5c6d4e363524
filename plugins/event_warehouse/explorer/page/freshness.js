// How far an answer can be trusted: how fresh it is, and what it lacks.

import { element } from "./dom.js";
import { ago, count, instant, things } from "./format.js";
import { addressOf } from "./address.js";

export function freshnessLine(answer, tenant) {
  const { newest_load_at, pending_events, rejected_events } = answer.freshness;
  const from = [
    ...new Set(
      (answer.funnels?.length ? answer.funnels : (answer.series ?? [])).map(
        (each) => each.answered_from
      )
    ),
  ];
  return element(
    "p.freshness",
    {},
    element(
      "span",
      { title: instant(newest_load_at) },
      `Newest file taken in ${ago(newest_load_at)}`
    ),
    pending_events > 0 &&
      element(
        "span.warn",
        {},
        `${things(pending_events, "event")} loaded, not yet in these numbers`
      ),
    element(
      "a",
      {
        href: addressOf("overview", { tenant, section: "rejected" }),
        class: rejected_events ? "warn" : "",
      },
      `${count(rejected_events)} rejected`
    ),
    answer.is_complete === false &&
      element(
        "span.warn",
        {},
        `incomplete: single events before ${instant(answer.freshness.expired_before)} have expired`
      ),
    answer.is_estimate && element("span.warn", {}, "estimated, ±3.1 %"),
    from.length > 0 && element("span", {}, `from ${from.join(", ")}`),
    element(
      "span",
      {},
      `in ${answer.elapsed_ms < 10 ? answer.elapsed_ms.toFixed(1) : Math.round(answer.elapsed_ms)} ms`
    )
  );
}
