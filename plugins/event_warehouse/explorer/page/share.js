// Shares what is shown: its address, the call, the SQL, the rows.

import { button, element, fill, newId } from "./dom.js";
import { loading, problemBox, asProblem } from "./states.js";

// Makers: async () => text or Blob; without a maker there is no button. Files are named
// after their content, and the link is the page's own unless another is given.
export function shareBar({ of, link, csv, json, call, sql }) {
  const said = element("span.quiet", { role: "status" });
  const shown = element("div.code", { id: newId("code"), hidden: true });
  let open = null;

  async function show(name, make, opener) {
    for (const each of bar.querySelectorAll("[aria-expanded]"))
      each.setAttribute("aria-expanded", "false");
    if (open === name) {
      open = null;
      shown.hidden = true;
      return;
    }
    open = name;
    opener.setAttribute("aria-expanded", "true");
    shown.hidden = false;
    fill(shown, loading(name));
    try {
      const text = await make();
      fill(
        shown,
        button("Copy", () => copy(text, name), { "aria-label": `Copy the ${name}` }),
        element("pre", { tabindex: "0", "aria-label": name }, text)
      );
    } catch (error) {
      fill(shown, problemBox(asProblem(error)));
    }
  }

  async function copy(text, what) {
    try {
      await navigator.clipboard.writeText(text);
      said.textContent = `The ${what} is copied.`;
    } catch {
      said.textContent = "The browser forbids copying; select the text by hand.";
    }
  }

  async function save(make, name) {
    try {
      saveAs(await make(), name);
      said.textContent = `${name} is saved.`;
    } catch (error) {
      said.textContent = `${name} can't be had: ${asProblem(error).detail ?? error.message}`;
    }
  }

  const opener = (text, name, make) => {
    const made = button(text, () => show(name, make, made), {
      "aria-expanded": "false",
      "aria-controls": shown.id,
    });
    return made;
  };
  const bar = element(
    "div.share",
    { role: "group", "aria-label": `Take along: ${of}` },
    button("Copy link", () => copy(link?.() ?? location.href, "link")),
    call && opener("API call", "API call", call),
    sql && opener("SQL", "SQL", sql),
    csv && button("CSV", () => save(csv, `${of}.csv`)),
    json && button("JSON", () => save(json, `${of}.json`)),
    said
  );
  return [bar, shown];
}

function saveAs(content, name) {
  const blob = content instanceof Blob ? content : new Blob([content]);
  const address = URL.createObjectURL(blob);
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// Without the key: whoever pastes a call has a key of their own.
export function callOf(body, tenant) {
  return curl("/query", tenant, [
    `-H ${quoted("Content-Type: application/json")}`,
    `-d ${quoted(JSON.stringify(body, null, 2))}`,
  ]);
}

export function getCallOf(path, { tenant, parameters = {} } = {}) {
  const given = Object.entries(parameters).map(
    ([name, value]) => `--data-urlencode ${quoted(`${name}=${value}`)}`
  );
  return curl(path, tenant, given.length ? ["--get", ...given] : []);
}

function curl(path, tenant, options) {
  return [
    `curl ${location.origin}${path}`,
    `-H "Authorization: Bearer $WAREHOUSE_API_KEY"`,
    ...(tenant ? [`-H ${quoted(`Event-Tenant: ${tenant}`)}`] : []),
    ...options,
  ].join(" \\\n  ");
}

function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

// The statements of an answer, with their values in place.
export function sqlOf(answer) {
  const parts =
    answer.statements ??
    (answer.funnels?.length ? answer.funnels : (answer.series ?? [answer]));
  return parts
    .map(
      (part) =>
        `-- ${(part.name ?? "the question").replaceAll("\n", " ")}\n${withValues(part.sql, part.parameters)};`
    )
    .join("\n\n");
}

function withValues(sql, parameters) {
  return outdented(sql)
    .replace(/%\((\w+)\)s/g, (_, name) => literal(parameters[name]))
    .replaceAll("%%", "%")
    .trim();
}

// Removes the indentation of the leftmost line from all lines.
function outdented(sql) {
  const lines = sql.split("\n");
  const depths = lines.filter((line) => line.trim()).map((line) => line.search(/\S/));
  const depth = Math.min(...depths);
  return lines.map((line) => line.slice(Math.min(depth, line.length))).join("\n");
}

function literal(value) {
  if (value === null) return "null";
  if (typeof value === "number") return String(value);
  if (Array.isArray(value)) return `array[${value.map(literal).join(", ")}]`;
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const quoted = `'${text.replaceAll("'", "''")}'`;
  return text.includes("\\") ? `E${quoted.replaceAll("\\", "\\\\")}` : quoted;
}

export function csvOf(columns, rows) {
  return [columns, ...rows].map((row) => row.map(cell).join(",")).join("\n") + "\n";
}

function cell(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
