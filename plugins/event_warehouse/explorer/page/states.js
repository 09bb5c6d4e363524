// Shown where an answer is pending, empty or failed: always with what to do.

import { button, element } from "./dom.js";

export function loading(what) {
  return element(
    "div.state",
    { role: "status" },
    element("span.spinner", { "aria-hidden": "true" }),
    `Asking for ${what} …`
  );
}

export function empty(title, ...advice) {
  return element(
    "div.state",
    { role: "status" },
    element("strong", {}, title),
    element("p", {}, advice)
  );
}

const ADVICE = {
  0: "Check whether it is running (make status), start it (make up), and try again.",
  400: "Correct what is marked; the question is then asked again.",
  401: "Sign in with a valid key: warehouse keys list shows which there are.",
  403: "Ask whoever runs the warehouse for a key with this right: warehouse keys create --scope …",
  404: "The page and the service have different versions: reload the page.",
  429: "Too many questions at once; wait a moment and try again.",
  500: "The service's log says why: .warehouse/logs/api.log",
  503: "If nothing is loaded yet, run make run. If Postgres is down, make status says so.",
  504: "Take a shorter range, whole days of UTC, fewer filters on attributes, or fewer series.",
};

// goTo(fault) returns a function that moves to the control at fault, or nothing; instead
// is an alternative { text, act } that may succeed, or nothing.
export function problemBox(problem, { again, goTo, instead } = {}) {
  const advice = ADVICE[problem.status] ?? "Try again.";
  return element(
    "div.state.problem",
    { role: "alert" },
    element("strong", {}, problem.title ?? "Something failed"),
    problem.detail && element("p", {}, problem.detail),
    problem.errors?.length > 0 &&
      element(
        "ul",
        {},
        problem.errors.map((fault) => faultItem(fault, goTo?.(fault)))
      ),
    element("p", {}, advice),
    element(
      "p.actions",
      {},
      instead && button(instead.text, instead.act, { class: "primary" }),
      again && button("Try again", again)
    )
  );
}

function faultItem({ field, reason }, go) {
  const said = field ? `${go?.name ?? field} ${reason}` : reason;
  return element(
    "li",
    {},
    go ? element("button.link", { type: "button", onclick: go.act }, said) : said
  );
}

// An error of the page itself: shown, not only logged to the console.
export function asProblem(error) {
  return error.status === undefined
    ? {
        status: -1,
        title: "The page failed",
        detail: `${error.name}: ${error.message}`,
      }
    : error;
}
