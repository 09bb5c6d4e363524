// Signs in with an API key, which is checked before anything is shown.

import { get } from "./api.js";
import { element, fill, labelled } from "./dom.js";
import { forgetKey, keepKey, keepSession, keepTenants, mayBeOther } from "./session.js";
import { asProblem, loading, problemBox } from "./states.js";

// Resolves if the key is valid.
export async function trySession(signal) {
  keepSession(await get("/session", { signal }));
}

// Refreshes the session, and a tenant that is not among those that it lists.
export async function learnOf(tenant, signal) {
  await trySession(signal);
  if (!mayBeOther(tenant)) return;
  const parameters = { prefix: tenant, limit: 1 };
  const { tenants } = await get("/tenants", { parameters, signal });
  keepTenants(tenants);
}

export function signInView(host, onsignedin, problem) {
  const input = element("input", {
    type: "password",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
    placeholder: "ew_…",
  });
  const said = element("div", {}, problem && problemBox(problem));
  const form = element(
    "form.sign-in",
    {
      async onsubmit(event) {
        event.preventDefault();
        fill(said, loading("your tenant"));
        keepKey(input.value.trim());
        try {
          await trySession();
        } catch (error) {
          forgetKey();
          fill(said, problemBox(asProblem(error)));
          input.focus();
          input.select();
          return;
        }
        onsignedin();
      },
    },
    element("h1", {}, "Event Warehouse"),
    element(
      "p",
      {},
      "See how many events there were, whose and when, and whether the warehouse is healthy."
    ),
    labelled("API key", input),
    element("button.primary", { type: "submit" }, "Sign in"),
    said,
    element(
      "p.quiet",
      {},
      element("code", {}, "make up"),
      " and ",
      element("code", {}, "make run"),
      " print a key for this machine; ",
      element("code", {}, "warehouse keys create"),
      " makes others. The key is kept in this tab only."
    )
  );
  fill(host, element("main", {}, form));
  input.focus();
}
