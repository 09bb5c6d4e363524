// Light or dark: the system's setting, until the user chooses here.

const KEPT = "event-warehouse-theme";
const DARK = window.matchMedia("(prefers-color-scheme: dark)");

export function theme() {
  return localStorage.getItem(KEPT) ?? (DARK.matches ? "dark" : "light");
}

export function applyTheme() {
  document.documentElement.dataset.theme = theme();
  document.dispatchEvent(new CustomEvent("themechange"));
}

export function switchTheme() {
  localStorage.setItem(KEPT, theme() === "dark" ? "light" : "dark");
  applyTheme();
}

// The style sheet has this many; then they repeat, and shapes tell them apart.
export function seriesClass(index) {
  return `series-${index % 8}`;
}

export function colourOf(index) {
  return styled(seriesClass(index));
}

// A colour from the style sheet, for what is drawn without it.
export function styled(name) {
  return getComputedStyle(document.documentElement)
    .getPropertyValue(`--${name}`)
    .trim();
}

DARK.addEventListener("change", applyTheme);
