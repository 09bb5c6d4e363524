// The less important part of a form: collapsed on a phone, where the answer would
// otherwise be a screen or two away.

import { element } from "./dom.js";

const WIDE = window.matchMedia("(min-width: 52rem)");
const chosen = new Map();

// It stays open or closed when the form is rebuilt.
export function more(title, ...controls) {
  const open = chosen.get(title) ?? WIDE.matches;
  return element(
    "details.more",
    { open, ontoggle: (event) => chosen.set(title, event.target.open) },
    element("summary", {}, title),
    element("div.more-body", {}, controls)
  );
}
