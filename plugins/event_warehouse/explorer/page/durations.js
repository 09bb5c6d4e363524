// A length of time as a number and its unit, kept in seconds.

import { element, labelled, select } from "./dom.js";

const UNITS = [
  ["1", "seconds"],
  ["60", "minutes"],
  ["3600", "hours"],
  ["86400", "days"],
];

export function durationField({ label, seconds, onchange }) {
  let unit =
    [...UNITS].reverse().find(([size]) => seconds && seconds % size === 0)?.[0] ??
    "3600";
  const input = element("input", {
    type: "number",
    min: "0",
    step: "any",
    placeholder: "any time",
    value: seconds ? String(seconds / unit) : "",
    onchange: tell,
  });
  const units = select(
    UNITS,
    unit,
    (chosen) => {
      unit = chosen;
      tell();
    },
    { "aria-label": `Unit of: ${label}` }
  );

  function tell() {
    const number = Number(input.value);
    onchange(number > 0 ? number * unit : "");
  }

  const box = element("div.duration", {}, input, units);
  box.input = input;
  return labelled(label, box);
}
