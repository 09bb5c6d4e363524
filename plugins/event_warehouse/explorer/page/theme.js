// Light or dark: what the system says, until it is chosen here.

const KEPT = "event-warehouse-theme";
const DARK = window.matchMedia("(prefers-color-scheme: dark)");

const COLOURS = {
  light: ["#1f5fbf", "#b93a08", "#0b7268", "#a21caf", "#8a5a00", "#47740c", "#be123c", "#475569"],
  dark: ["#7cb0ff", "#ff9d5c", "#4fd1c0", "#e58bf0", "#e6c04d", "#a3d65c", "#ff8a9b", "#a9b8c9"],
};

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

export function colourOf(index) {
  const colours = COLOURS[theme()];
  return colours[index % colours.length];
}

// A colour that the style sheet names, for what is drawn outside of it.
export function styled(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

DARK.addEventListener("change", applyTheme);
