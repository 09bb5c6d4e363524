// Elements from values: text never becomes markup here.

// element("button.quiet", { type: "button", onclick: close }, "Close")
export function element(selector, properties = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [name, value] of Object.entries(properties)) set(made, name, value);
  append(made, children);
  return made;
}

function set(made, name, value) {
  if (value === undefined || value === null || value === false) return;
  if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
  else if (name in made && typeof value !== "string") made[name] = value;
  else made.setAttribute(name, value === true ? "" : value);
}

function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) parent.append(child);
  }
}

export function fill(parent, ...children) {
  parent.replaceChildren();
  append(parent, children);
  return parent;
}

let last = 0;

export function newId(name) {
  last += 1;
  return `${name}-${last}`;
}

// A label and its control. A control of several parts says which one is the input.
export function labelled(text, control) {
  const input = control.input ?? control;
  input.id ||= newId("field");
  return element("div.field", {}, element("label", { for: input.id }, text), control);
}

// options: [value, text] pairs
export function select(options, value, onchange, properties = {}) {
  const made = element(
    "select",
    { ...properties, onchange: () => onchange(made.value) },
    options.map(([each, text]) =>
      element("option", { value: each, selected: each === value }, text)
    )
  );
  return made;
}

export function button(text, onclick, properties = {}) {
  return element("button", { type: "button", onclick, ...properties }, text);
}
