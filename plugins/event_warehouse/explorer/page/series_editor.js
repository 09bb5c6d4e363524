// The form for one series, or one step of a funnel: which events, and what to measure.

import { combobox } from "./combobox.js";
import { button, element, newId, select } from "./dom.js";
import { OPERATORS, hasValue, letter } from "./question.js";
import { keysFor, valuesFor } from "./suggestions.js";
import { seriesClass } from "./theme.js";

export function emptySeries(type = "") {
  return { type, filters: [], measure: "events", key: "" };
}

const MEASURES = [
  ["events", "count events"],
  ["unique", "count distinct"],
  ["sum", "sum"],
];

// changed(): ask again; restructured(): rebuild the form and ask again.
export function seriesEditor({
  series,
  index,
  state,
  changed,
  restructured,
  remove,
  move,
  withMeasure,
  noun,
}) {
  const name = noun === "Step" ? `Step ${index + 1}` : `Series ${letter(index)}`;
  const title = newId("series");
  // With a breakdown, each group has a colour instead of each series.
  const hasColour = withMeasure && !state.by;
  return element(
    hasColour ? `fieldset.series.${seriesClass(index)}` : "fieldset.series",
    { "aria-labelledby": title, "data-series": index },
    element(
      "div.series-head",
      {},
      element("span.series-name", { id: title }, name),
      move &&
        index > 0 &&
        button("↑", () => move(index, index - 1), {
          class: "icon",
          "aria-label": `Move ${name} up`,
        }),
      remove &&
        button("✕", () => remove(index), {
          class: "icon",
          "aria-label": `Remove ${name}`,
        })
    ),
    element(
      "div.row",
      {},
      element("span.label", { "aria-hidden": "true" }, "Event type"),
      combobox({
        value: series.type,
        label: `Event type of ${name}`,
        placeholder: "all events",
        load: valuesFor(state.tenant, () => "event_type"),
        onchange: (text) => {
          series.type = text;
          changed();
        },
      })
    ),
    series.filters.map((filter, place) =>
      filterEditor({ filter, place, series, index, name, state, changed, restructured })
    ),
    element(
      "div.row",
      {},
      button(
        "+ Filter",
        () => {
          series.filters.push({ key: "", type: "eq", value: "" });
          restructured(
            `[data-series="${index}"] [data-filter="${series.filters.length - 1}"] input`
          );
        },
        { class: "link", "aria-label": `Add a filter to ${name}` }
      )
    ),
    withMeasure && measureEditor({ series, name, state, changed, restructured, index })
  );
}

function filterEditor({
  filter,
  place,
  series,
  index,
  name,
  state,
  changed,
  restructured,
}) {
  const which = `filter ${place + 1} of ${name}`;
  const eventType = () => series.type;
  return element(
    "div.filter",
    { "data-filter": place, role: "group", "aria-label": which },
    combobox({
      value: filter.key,
      label: `Key of ${which}`,
      placeholder: "key",
      load: (prefix) => keysFor(state.tenant, series.type)(prefix),
      onchange: (text) => {
        filter.key = text;
        changed();
      },
    }),
    select(
      OPERATORS,
      filter.type,
      (type) => {
        filter.type = type;
        restructured(`[data-series="${index}"] [data-filter="${place}"] select`);
      },
      { "aria-label": `Condition of ${which}` }
    ),
    hasValue(filter.type) &&
      combobox({
        value: filter.value,
        label: `Value of ${which}`,
        placeholder: "value",
        load: valuesFor(state.tenant, () => filter.key, eventType),
        onchange: (text) => {
          filter.value = text;
          changed();
        },
      }),
    button(
      "✕",
      () => {
        series.filters.splice(place, 1);
        restructured(`[data-series="${index}"] input`);
      },
      { class: "icon", "aria-label": `Remove ${which}` }
    )
  );
}

function measureEditor({ series, name, state, changed, restructured, index }) {
  return element(
    "div.row.measure",
    {},
    select(
      MEASURES,
      series.measure,
      (measure) => {
        series.measure = measure;
        if (measure === "unique") series.key ||= "user_id";
        restructured(`[data-series="${index}"] .measure select`);
      },
      { "aria-label": `What is counted of ${name}` }
    ),
    series.measure !== "events" &&
      combobox({
        value: series.key,
        label: `Key that is counted of ${name}`,
        placeholder: "key",
        load: (prefix) => keysFor(state.tenant, series.type)(prefix),
        onchange: (text) => {
          series.key = text;
          changed();
        },
      })
  );
}
