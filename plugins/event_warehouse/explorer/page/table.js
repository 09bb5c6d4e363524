// A table that scrolls in its own box, also by keyboard.

import { element, newId } from "./dom.js";

// columns: [{ name, isNumber }]; a row has a string or an element for each.
export function table({ caption, columns, rows, className = "" }) {
  const id = newId("caption");
  return element(
    "div.scroll",
    { tabindex: "0", role: "region", "aria-labelledby": id },
    element(
      "table",
      { class: className },
      element("caption", { id }, caption),
      element(
        "thead",
        {},
        element(
          "tr",
          {},
          columns.map(({ name, isNumber }) =>
            element("th", { scope: "col", class: isNumber ? "number" : "" }, name)
          )
        )
      ),
      element(
        "tbody",
        {},
        rows.map((row) =>
          element(
            "tr",
            { class: row.className },
            (row.cells ?? row).map((cell, place) =>
              place === 0
                ? element("th", { scope: "row" }, cell)
                : element(
                    "td",
                    { class: columns[place].isNumber ? "number" : "" },
                    cell
                  )
            )
          )
        )
      )
    )
  );
}
