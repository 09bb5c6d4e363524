// The page: signs in, shows the view that the address names, and the frame around it.

import { addressOf, readAddress } from "./address.js";
import { combobox } from "./combobox.js";
import { button, element, fill, labelled, select } from "./dom.js";
import { exploreView } from "./explore.js";
import { count } from "./format.js";
import { funnelView } from "./funnel.js";
import { overviewView } from "./overview.js";
import {
  airflowAddress,
  daysOf,
  firstTenant,
  forgetKey,
  isOperator,
  key,
  may,
  mayBeOther,
  session,
} from "./session.js";
import { learnOf, signInView, trySession } from "./sign_in.js";
import { asProblem, empty, loading } from "./states.js";
import { tenantsLike } from "./suggestions.js";
import { applyTheme, switchTheme, theme } from "./theme.js";

const VIEWS = {
  explore: { title: "Explore", view: exploreView, scope: "query:read" },
  funnel: { title: "Funnel", view: funnelView, scope: "query:read" },
  overview: { title: "Overview", view: overviewView, scope: "stats:read" },
};
const page = document.getElementById("page");
// With more tenants, the user types the beginning.
const MOST_TO_SEE = 50;
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

async function showView() {
  if (!session.scopes.length) return;
  leave();
  leave = () => {};
  const { view, parameters } = readAddress();
  const { title, view: make, scope } = VIEWS[view];
  const tenant = parameters.get("tenant") ?? firstTenant();
  if (view !== "overview" && mayBeOther(tenant) && !daysOf(tenant)) {
    const asked = location.hash;
    await learnOf(tenant).catch(() => {});
    if (location.hash !== asked) return;
  }
  document.title = `${title} – Event Warehouse`;
  const main = element("main", { id: "main", tabindex: "-1" });
  fill(page, header(view, tenant), main);
  if (may(scope)) {
    leave = make(main) ?? (() => {});
  } else {
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

// The fragment holds the view's state, so the browser can't follow the link itself.
function skip(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

function tenantField(view, tenant) {
  if (!isOperator()) return element("span.tenant", {}, session.tenant);
  const choose = (chosen) => {
    location.hash = addressOf(view, { tenant: chosen || firstTenant() });
  };
  const isMany = !session.hasAllTenants || session.tenants.length > MOST_TO_SEE;
  const field = labelled(
    "Tenant",
    isMany
      ? combobox({ value: tenant, load: tenantsLike, onchange: choose })
      : select(tenantsToSee(tenant), tenant, choose)
  );
  field.classList.add("tenant");
  return field;
}

function tenantsToSee(tenant) {
  const known = session.tenants.map((each) => [
    each.tenant_id,
    `${each.tenant_id} (${count(each.event_count)})`,
  ]);
  return known.some(([name]) => name === tenant)
    ? known
    : [[tenant, `${tenant} (no events)`], ...known];
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

// For a dialog, too, as its links lead to other views; the view under it is still there.
window.addEventListener("popstate", () => {
  const dialogs = [...document.querySelectorAll("dialog")];
  for (const dialog of dialogs) dialog.close();
  if (!dialogs.some((dialog) => dialog.dataset.below === location.hash)) showView();
});

document.addEventListener("signedout", ({ detail }) => {
  forgetKey();
  signIn(detail);
});

start();
