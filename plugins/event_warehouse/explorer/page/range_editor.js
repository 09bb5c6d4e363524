// The form of the range, its buckets and the time zone of these.

import { element, labelled, select } from "./dom.js";
import { BUCKETS, LOCAL_ZONE, RANGES, forInput, resolveRange } from "./ranges.js";

export function rangeEditor({ state, changed, restructured, withBuckets }) {
  return [
    labelled(
      "Range",
      select(
        RANGES,
        state.range,
        (range) => {
          if (range === "custom") {
            const { start, end } = resolveRange(state);
            Object.assign(state, { start: forInput(start), end: forInput(end) });
          }
          state.range = range;
          restructured('select[name="range"]');
        },
        { name: "range" }
      )
    ),
    state.range === "custom" && [
      labelled("From (UTC)", timeInput(state, "start", changed)),
      labelled("To (UTC), not included", timeInput(state, "end", changed)),
    ],
    withBuckets &&
      labelled(
        "Buckets",
        select(BUCKETS, state.bucket, (bucket) => {
          state.bucket = bucket;
          changed();
        })
      ),
    withBuckets &&
      LOCAL_ZONE !== "UTC" &&
      labelled(
        "Time zone",
        select(
          [
            ["UTC", "UTC"],
            [LOCAL_ZONE, LOCAL_ZONE],
          ],
          state.zone,
          (zone) => {
            state.zone = zone;
            changed();
          }
        )
      ),
  ];
}

function timeInput(state, name, changed) {
  return element("input", {
    type: "datetime-local",
    name,
    value: state[name],
    onchange: (event) => {
      if (!event.target.value) return;
      state[name] = event.target.value;
      changed();
    },
  });
}
