// Light or dark: what the system says, until it is chosen here.

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

// As many as the style sheet has; then they begin again, and shapes tell them apart.
export function seriesClass(index) {
  return `series-${index % 8}`;
}

export function colourOf(index) {
  return styled(seriesClass(index));
}

// A colour that the style sheet names, for what is drawn outside of it.
export function styled(name) {
  return getComputedStyle(document.documentElement)
    .getPropertyValue(`--${name}`)
    .trim();
}

DARK.addEventListener("change", applyTheme);
