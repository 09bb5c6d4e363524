// A form and its answer: each change sends a request; only the newest answer is shown.

import { fill } from "./dom.js";
import { placeOfFault } from "./question.js";
import { asProblem, loading, problemBox } from "./states.js";

// answerOf(signal) resolves to what is shown; `series` are the form's current ones;
// shorter() returns how to ask for a shorter range, if there is one.
export function asking({ form, result, what, series, answerOf, shorter }) {
  let running;

  async function ask() {
    running?.abort();
    running = new AbortController();
    const { signal } = running;
    result.setAttribute("aria-busy", "true");
    if (!result.querySelector(".answer")) fill(result, loading(what));
    clearMarks();
    try {
      fill(result, await answerOf(signal));
    } catch (error) {
      if (error.name === "AbortError") return;
      const problem = asProblem(error);
      markFaults(problem);
      const instead = problem.status === 504 && shorter?.();
      fill(result, problemBox(problem, { again: ask, goTo, instead }));
    }
    result.setAttribute("aria-busy", "false");
  }

  function controlAt(fault) {
    const place = placeOfFault(fault.field ?? "", series());
    if (!place) return null;
    const editor = form.querySelector(`[data-series="${place.series}"]`);
    const filter =
      place.filter !== undefined &&
      editor?.querySelector(`[data-filter="${place.filter}"]`);
    const inputs = filter ? [...filter.querySelectorAll("input")] : [];
    const control = place.member === "value" ? inputs.at(-1) : inputs[0];
    return control ?? editor?.querySelector("input");
  }

  function goTo(fault) {
    const control = controlAt(fault);
    return (
      control && {
        name: control.getAttribute("aria-label"),
        act: () => control.focus(),
      }
    );
  }

  function markFaults(problem) {
    for (const fault of problem.errors ?? []) {
      controlAt(fault)?.setAttribute("aria-invalid", "true");
    }
  }

  function clearMarks() {
    for (const each of form.querySelectorAll("[aria-invalid]"))
      each.removeAttribute("aria-invalid");
  }

  return { ask, stop: () => running?.abort() };
}
