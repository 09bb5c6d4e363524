// What is shown stands in the fragment of the address, so that it can be shared. The
// fragment is not sent to the service, so nothing of it gets into a log.
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

// The browser's "back" leads to what was shown before.
export function show(view, parameters) {
  const address = addressOf(view, parameters);
  if (address !== location.hash) history.pushState(null, "", address);
}

// The same as it is, only said in full.
export function settle(view, parameters) {
  history.replaceState(null, "", addressOf(view, parameters));
}

// A parameter that holds a structure; what can't be read is as if it were not there.
export function readStructure(parameters, name) {
  try {
    return JSON.parse(parameters.get(name));
  } catch {
    return null;
  }
}
