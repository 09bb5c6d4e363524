// Explore: how many events, of which kinds, when.

import { readAddress, settle, show } from "./address.js";
import { asking } from "./asking.js";
import { combobox } from "./combobox.js";
import { button, element, fill, labelled, select } from "./dom.js";
import { readState, writeState } from "./explore_state.js";
import { askExplore } from "./explore_answer.js";
import { exploreResult } from "./explore_result.js";
import { openNamedEvents } from "./event_list.js";
import { more } from "./more.js";
import { rangeEditor } from "./range_editor.js";
import { forInput, shorterRange } from "./ranges.js";
import { emptySeries, seriesEditor } from "./series_editor.js";
import { keysFor } from "./suggestions.js";

const CHARTS = [
  ["line", "Lines"],
  ["bar", "Bars"],
];
const TOPS = ["3", "5", "8", "12"].map((each) => [each, each]);

export function exploreView(host) {
  const { parameters } = readAddress();
  const state = readState(parameters);
  settle("explore", writeState(state));
  const form = element("form.question", {
    "aria-label": "Question",
    onsubmit: (event) => event.preventDefault(),
  });
  const result = element("section.result", {
    "aria-label": "Answer",
    "aria-live": "off",
  });

  function changed() {
    show("explore", writeState(state));
    ask();
  }

  function restructured(focus) {
    renderForm();
    if (focus) form.querySelector(focus)?.focus();
    changed();
  }

  const { ask, stop } = asking({
    form,
    result,
    what: "the events",
    series: () => state.series,
    shorter: () => shorterRange(state, narrow),
    answerOf: async (signal) => {
      const asked = structuredClone(state);
      const answer = await askExplore(asked, signal);
      return exploreResult(answer, asked, { widen, narrow });
    },
  });

  function widen() {
    state.range = "all";
    restructured();
  }

  function narrow(start, end) {
    Object.assign(state, {
      range: "custom",
      start: forInput(start),
      end: forInput(end),
      bucket: "",
    });
    restructured();
  }

  function renderForm() {
    fill(
      form,
      element("h2.sr", {}, "Question"),
      element("p.quiet", {}, "Which events, and what to count? Every change updates the answer."),
      state.series.map((series, index) =>
        seriesEditor({
          series,
          index,
          state,
          changed,
          restructured,
          withMeasure: true,
          noun: "Series",
          remove:
            state.series.length > 1 &&
            ((place) => {
              state.series.splice(place, 1);
              restructured('[data-series="0"] input');
            }),
        })
      ),
      button(
        "+ Series to compare with",
        () => {
          state.series.push(emptySeries());
          restructured(`[data-series="${state.series.length - 1}"] input`);
        },
        { class: "link" }
      ),
      more(
        "Breakdown, range and chart",
        labelled("Break down by", breakdownField()),
        state.by &&
          labelled(
            "Largest groups",
            select(TOPS, state.top, (top) => {
              state.top = top;
              changed();
            })
          ),
        rangeEditor({ state, changed, restructured, withBuckets: true }),
        labelled(
          "Chart",
          select(CHARTS, state.chart, (chart) => {
            state.chart = chart;
            changed();
          })
        ),
        element(
          "label.check",
          {},
          element("input", {
            type: "checkbox",
            checked: state.compare,
            onchange: (event) => {
              state.compare = event.target.checked;
              changed();
            },
          }),
          "Compare with the period before"
        )
      ),
      button("Ask again", ask, { class: "primary" })
    );
  }

  function breakdownField() {
    return combobox({
      value: state.by,
      placeholder: "nothing",
      load: keysFor(state.tenant),
      onchange: (text) => {
        state.by = text;
        restructured();
      },
    });
  }

  renderForm();
  fill(host, element("h1.sr", {}, "Explore"), element("div.columns", {}, form, result));
  ask();
  openNamedEvents(parameters, state.tenant);
  return stop;
}
