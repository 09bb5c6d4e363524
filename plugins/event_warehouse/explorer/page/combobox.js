// A text field with suggestions: the combobox pattern of the ARIA guide, with a list
// that the service provides while the user types. Any other text is accepted, too.

import { element, fill, newId } from "./dom.js";
import { count } from "./format.js";

const WAIT_MS = 120;

// load(prefix) → { names: [{ name, eventCount }], note }; onchange(text) when it is chosen
// or left.
export function combobox({
  value = "",
  load,
  onchange,
  placeholder = "",
  label,
  describe,
}) {
  const list = element("ul", { role: "listbox", id: newId("list"), hidden: true });
  const legend = element("p.suggestions-legend");
  const popup = element(
    "div.suggestions",
    {
      hidden: true,
      // Before the field loses the focus, which would accept the typed text.
      onpointerdown: (event) => event.preventDefault(),
    },
    list,
    legend
  );
  const input = element("input", {
    role: "combobox",
    "aria-autocomplete": "list",
    "aria-expanded": "false",
    "aria-controls": list.id,
    "aria-label": label,
    autocomplete: "off",
    spellcheck: "false",
    placeholder,
    value,
  });
  list.setAttribute("aria-label", label ?? "Suggestions");
  const note = element("span.sr", { role: "status" });
  const box = element("div.combobox", {}, input, popup, note);
  let chosen = value;
  let active = -1;
  let asked = 0;
  let timer;

  function close() {
    clearTimeout(timer);
    asked += 1;
    say("");
    list.hidden = popup.hidden = true;
    active = -1;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
  }

  // For screen readers only, unless the caller shows it otherwise.
  function say(text, shown = "sr") {
    note.className = shown;
    note.textContent = text;
  }

  function choose(text) {
    input.value = text;
    close();
    if (text === chosen) return;
    chosen = text;
    onchange(text);
  }

  function activate(index) {
    const options = [...list.querySelectorAll("[role=option]")];
    if (!options.length) return;
    active = (index + options.length) % options.length;
    options.forEach((option, place) => {
      option.setAttribute("aria-selected", place === active ? "true" : "false");
    });
    input.setAttribute("aria-activedescendant", options[active].id);
    options[active].scrollIntoView({ block: "nearest" });
  }

  function nameAt(index) {
    return list.children[index]?.dataset.name;
  }

  async function open() {
    asked += 1;
    const mine = asked;
    // Until something is typed, all are shown, not only the current choice.
    const prefix = input.value === chosen ? "" : input.value;
    let answer;
    try {
      answer = await load(prefix);
    } catch {
      answer = { problem: "Suggestions can't be had now; what you type is taken." };
    }
    if (mine !== asked || document.activeElement !== input) return;
    suggest(answer, prefix);
  }

  function suggest({ names, note: told = "", problem }, prefix) {
    // The highlighted option stays highlighted if the new list has it.
    const wanted = active >= 0 ? nameAt(active) : undefined;
    active = -1;
    input.removeAttribute("aria-activedescendant");
    if (problem || !names.length) {
      const said =
        problem ??
        (prefix ? "Nothing known begins like this." : "Nothing is known yet.");
      say(said, "suggestions-note");
      fill(list);
      list.hidden = popup.hidden = true;
      input.setAttribute("aria-expanded", "false");
      return;
    }
    say(`${names.length} suggestions. ${told}`);
    legend.textContent = told;
    fill(
      list,
      names.map(({ name, eventCount }) =>
        element(
          "li",
          {
            role: "option",
            "data-name": name,
            id: newId("option"),
            "aria-selected": "false",
            onclick: () => choose(name),
          },
          element("span", {}, name === "" ? "(empty)" : name),
          Number.isFinite(eventCount) &&
            element("span.quiet", {}, ` ${count(eventCount)}`)
        )
      )
    );
    list.hidden = popup.hidden = false;
    input.setAttribute("aria-expanded", "true");
    const place = names.findIndex(({ name }) => name === wanted);
    if (place >= 0) activate(place);
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(open, WAIT_MS);
  });
  input.addEventListener("focus", () => input.select());
  input.addEventListener("click", () => list.hidden && open());
  input.addEventListener("blur", () => choose(input.value.trim()));
  input.addEventListener("keydown", (event) => {
    const isOpen = !list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (isOpen)
        activate(active + (event.key === "ArrowDown" ? 1 : active < 0 ? 0 : -1));
      else open().then(() => event.key === "ArrowUp" && activate(-1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose((isOpen ? nameAt(active) : undefined) ?? input.value.trim());
    } else if (event.key === "Escape") {
      if (!isOpen) input.value = chosen;
      close();
      event.stopPropagation();
    }
  });
  if (describe) input.setAttribute("aria-describedby", describe);
  box.input = input;
  return box;
}
