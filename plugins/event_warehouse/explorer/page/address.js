// The page's state is in the fragment of the address, so that it can be shared. Browsers
// don't send the fragment to the service, so nothing of it gets into a log.
//
// #/explore?tenant=acme&range=14d&series=[...]

const VIEWS = ["explore", "funnel", "overview"];

export function readAddress() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return {
    view: VIEWS.includes(path) ? path : "explore",
    parameters: new URLSearchParams(query),
  };
}

export function addressOf(view, parameters) {
  const kept = Object.entries(parameters).filter(
    ([, value]) => value !== "" && value !== null && value !== undefined
  );
  const query = new URLSearchParams(kept).toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

// The browser's "back" returns to what was shown before.
export function show(view, parameters) {
  const address = addressOf(view, parameters);
  if (address !== location.hash) history.pushState(null, "", address);
}

// Writes the same state out in full, without a step in the browser's history.
export function settle(view, parameters) {
  history.replaceState(null, "", addressOf(view, parameters));
}

// A parameter that holds JSON; one that can't be parsed counts as missing.
export function readStructure(parameters, name) {
  try {
    return JSON.parse(parameters.get(name));
  } catch {
    return null;
  }
}
