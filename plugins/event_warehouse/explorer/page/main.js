// The page: signs in, shows the view that the address names, and the frame around it.

import { addressOf, readAddress } from "./address.js";
import { button, element, fill, labelled, select } from "./dom.js";
import { exploreView } from "./explore.js";
import { count } from "./format.js";
import { funnelView } from "./funnel.js";
import { overviewView } from "./overview.js";
import {
  airflowAddress,
  firstTenant,
  forgetKey,
  isOperator,
  key,
  may,
  session,
} from "./session.js";
import { signInView, trySession } from "./sign_in.js";
import { asProblem, empty, loading } from "./states.js";
import { applyTheme, switchTheme, theme } from "./theme.js";

const VIEWS = {
  explore: { title: "Explore", view: exploreView, scope: "query:read" },
  funnel: { title: "Funnel", view: funnelView, scope: "query:read" },
  overview: { title: "Overview", view: overviewView, scope: "stats:read" },
};
const page = document.getElementById("page");
let leave = () => {};

async function start() {
  applyTheme();
  if (!key()) {
    signIn();
    return;
  }
  fill(page, loading("your tenant"));
  try {
    await trySession();
  } catch (error) {
    signIn(asProblem(error));
    return;
  }
  showView();
}

function signIn(problem) {
  leave();
  leave = () => {};
  document.title = "Event Warehouse";
  signInView(page, showView, problem);
}

function signOut() {
  forgetKey();
  signIn();
}

function showView() {
  if (!session.scopes.length) return;
  leave();
  const { view, parameters } = readAddress();
  const { title, view: make, scope } = VIEWS[view];
  document.title = `${title} – Event Warehouse`;
  const main = element("main", { id: "main", tabindex: "-1" });
  fill(page, header(view, parameters.get("tenant") ?? firstTenant()), main);
  if (may(scope)) {
    leave = make(main) ?? (() => {});
  } else {
    leave = () => {};
    fill(
      main,
      empty(
        `This key is not for ${title}.`,
        `It takes the scope ${scope}: warehouse keys create --scope ${scope}`
      )
    );
  }
}

function header(current, tenant) {
  const chosen =
    tenant === session.defaultTenant || current === "overview"
      ? readAddress().parameters.get("tenant")
      : tenant;
  const parameters = chosen ? { tenant: chosen } : {};
  return element(
    "header",
    {},
    element("a.skip", { href: "#main", onclick: skip }, "Skip to the content"),
    element("span.brand", {}, "Event Warehouse"),
    element(
      "nav",
      { "aria-label": "Views" },
      Object.entries(VIEWS).map(([name, { title }]) =>
        element(
          "a",
          {
            href: addressOf(name, parameters),
            "aria-current": name === current ? "page" : null,
          },
          title
        )
      )
    ),
    element("div.spacer"),
    current !== "overview" && tenantField(current, tenant),
    element(
      "a",
      { href: airflowAddress(), target: "_blank", rel: "noopener" },
      "Airflow"
    ),
    themeButton(),
    button("Sign out", signOut, { class: "quiet-button" })
  );
}

// The fragment is the view's, so the link can't be left to the browser.
function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function tenantField(view, tenant) {
  if (!isOperator()) return element("span.tenant", {}, session.tenant);
  const known = session.tenants.map((each) => [
    each.tenant_id,
    `${each.tenant_id} (${count(each.event_count)})`,
  ]);
  const options = known.some(([name]) => name === tenant)
    ? known
    : [[tenant, `${tenant} (no events)`], ...known];
  const field = labelled(
    "Tenant",
    select(options, tenant, (chosen) => {
      location.hash = addressOf(view, { tenant: chosen });
    })
  );
  field.classList.add("tenant");
  return field;
}

function themeButton() {
  const name = () => (theme() === "dark" ? "Light" : "Dark");
  const made = button(
    name(),
    () => {
      switchTheme();
      made.textContent = name();
    },
    { class: "quiet-button" }
  );
  return made;
}

// Of a dialog, too, as its links lead to other views.
window.addEventListener("popstate", () => {
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  showView();
});

document.addEventListener("signedout", ({ detail }) => {
  forgetKey();
  signIn(detail);
});

start();
