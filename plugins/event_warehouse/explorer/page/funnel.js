// Funnel: how many get from one step to the next, and how fast.

import { readAddress, settle, show } from "./address.js";
import { post } from "./api.js";
import { asking } from "./asking.js";
import { loadCharts } from "./chart.js";
import { combobox } from "./combobox.js";
import { button, element, fill, labelled, select } from "./dom.js";
import { durationField } from "./durations.js";
import { funnelResult } from "./funnel_result.js";
import { ORDERS, readFunnel, writeFunnel } from "./funnel_state.js";
import { more } from "./more.js";
import { funnelBody } from "./question.js";
import { rangeEditor } from "./range_editor.js";
import { currentRange, forInput, shorterRange } from "./ranges.js";
import { emptySeries, seriesEditor } from "./series_editor.js";
import { loading } from "./states.js";
import { keysFor, valuesFor } from "./suggestions.js";

const MOST_STEPS = 20;

export function funnelView(host) {
  const state = readFunnel(readAddress().parameters);
  const form = element("form.question", {
    "aria-label": "Funnel",
    onsubmit: (event) => event.preventDefault(),
  });
  const result = element("section.result", { "aria-label": "Answer" });

  function changed() {
    show("funnel", writeFunnel(state));
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
    what: "the steps",
    series: () => state.steps,
    shorter: () => shorterRange(state, narrow),
    answerOf: async (signal) => {
      loadCharts().catch(() => {});
      const asked = structuredClone(state);
      const range = await currentRange(asked, signal);
      const body = funnelBody(asked, range);
      const answer = await post("/query", body, { tenant: asked.tenant, signal });
      return funnelResult({ answer, body, range }, asked);
    },
  });

  function narrow(start, end) {
    Object.assign(state, { range: "custom", start: forInput(start), end: forInput(end) });
    restructured();
  }

  function move(from, to) {
    const [step] = state.steps.splice(from, 1);
    state.steps.splice(to, 0, step);
    restructured(`[data-series="${to}"] input`);
  }

  function renderForm() {
    fill(
      form,
      element("h2.sr", {}, "Funnel"),
      element("p.quiet", {}, "Who gets from one step to the next? Every change updates the answer."),
      state.steps.map((series, index) =>
        seriesEditor({
          series,
          index,
          state,
          changed,
          restructured,
          move,
          noun: "Step",
          remove:
            state.steps.length > 2 &&
            ((place) => {
              state.steps.splice(place, 1);
              restructured('[data-series="0"] input');
            }),
        })
      ),
      state.steps.length < MOST_STEPS &&
        button(
          "+ Step",
          () => {
            state.steps.push(emptySeries());
            restructured(`[data-series="${state.steps.length - 1}"] input`);
          },
          { class: "link" }
        ),
      more(
        "Order, windows, breakdown and range",
        labelled(
          "Steps count",
          select(ORDERS, state.order, (order) => {
            state.order = order;
            restructured();
          })
        ),
        matchEditor(),
        durationField({
          label: "All steps within",
          seconds: state.window,
          onchange: (seconds) => {
            state.window = seconds;
            changed();
          },
        }),
        state.order !== "any" &&
          durationField({
            label: "Each within, after the one before",
            seconds: state.stepWindow,
            onchange: (seconds) => {
              state.stepWindow = seconds;
              changed();
            },
          }),
        labelled(
          "Break down by",
          keyField(state.by, "nothing", (text) => (state.by = text))
        ),
        rangeEditor({ state, changed, restructured, withBuckets: false })
      ),
      button("Ask again", ask, { class: "primary" })
    );
  }

  function matchEditor() {
    return element(
      "fieldset.match",
      {},
      element("legend", {}, "The same in all steps"),
      state.match.map((key, index) =>
        element(
          "div.row",
          {},
          keyField(
            key,
            "key",
            (text) => {
              state.match[index] = text;
              state.match = state.match.filter(Boolean);
              if (!state.match.length) state.match = ["user_id"];
            },
            `Match key ${index + 1}`
          ),
          state.match.length > 1 &&
            button(
              "✕",
              () => {
                state.match.splice(index, 1);
                restructured(".match input");
              },
              { class: "icon", "aria-label": `Remove match key ${index + 1}` }
            )
        )
      ),
      element(
        "div.row",
        {},
        state.match.length < 8 &&
          !state.match.includes("") &&
          button(
            "+ Key",
            () => {
              state.match.push("");
              renderForm();
              form
                .querySelector(`.match .row:nth-of-type(${state.match.length}) input`)
                ?.focus();
            },
            { class: "link", "aria-label": "Add a match key" }
          )
      )
    );
  }

  function keyField(value, placeholder, keep, label) {
    return combobox({
      value,
      placeholder,
      label,
      load: keysFor(state.tenant),
      onchange: (text) => {
        keep(text);
        restructured();
      },
    });
  }

  async function begin() {
    if (!state.steps) state.steps = await usualSteps(state.tenant);
    if (!host.isConnected) return;
    settle("funnel", writeFunnel(state));
    renderForm();
    fill(
      host,
      element("h1.sr", {}, "Funnel"),
      element("div.columns", {}, form, result)
    );
    ask();
  }

  fill(host, loading("the event types"));
  begin();
  return stop;
}

// The initial steps: the tenant's two most frequent event types.
async function usualSteps(tenant) {
  let types = [];
  try {
    types = (await valuesFor(tenant, () => "event_type")("")).names;
  } catch {
    // Then the user has to choose the steps.
  }
  return [0, 1].map((place) => emptySeries(types[place]?.name ?? ""));
}
