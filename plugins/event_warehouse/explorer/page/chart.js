// Draws a Vega-Lite specification as SVG, again when the theme changes.

import { element, fill } from "./dom.js";
import { styled, theme } from "./theme.js";

let library;

// The largest file of the page; it comes while the service is asked.
export function loadCharts() {
  library ??= import("./vega.js").catch((error) => {
    library = undefined;
    throw error;
  });
  return library;
}

const drawn = new Map(); // host → { draw, made }

document.addEventListener("themechange", () => {
  forgetGone();
  for (const { draw } of drawn.values()) draw();
});

// A chart listens to the window's size until it is told that it is gone.
function forgetGone() {
  for (const [host, { made }] of drawn) {
    if (made && !host.isConnected) {
      made.finalize();
      drawn.delete(host);
    }
  }
}

// makeSpec is asked anew at each drawing, as colours are the theme's. onpick gets the
// datum of what was clicked.
export async function drawChart(host, makeSpec, { onpick } = {}) {
  const chart = { made: null };
  chart.draw = async () => {
    try {
      const { vegaEmbed } = await loadCharts();
      chart.made?.finalize();
      chart.made = await vegaEmbed(
        host,
        { ...makeSpec(), config: config() },
        options()
      );
      host.dataset.theme = theme();
      if (onpick) {
        chart.made.view.addEventListener(
          "click",
          (_, item) => item?.datum && onpick(item.datum)
        );
      }
    } catch (error) {
      fill(
        host,
        element("p.quiet", {}, "The chart can't be drawn; the table has its numbers.")
      );
      console.error(error);
    }
  };
  forgetGone();
  drawn.set(host, chart);
  host.textContent = "Drawing …";
  await chart.draw();
}

// ast: expressions are interpreted, as the page's policy forbids to make code of text.
function options() {
  return {
    renderer: "svg",
    ast: true,
    actions: false,
    defaultStyle: false,
    logLevel: 1, // errors; it warns of what it leaves out
    tooltip: { disableDefaultStyle: true, theme: "custom" },
  };
}

function config() {
  const text = { labelColor: styled("quiet"), titleColor: styled("quiet") };
  return {
    background: "transparent",
    font: getComputedStyle(document.body).fontFamily,
    view: { stroke: null },
    axis: {
      ...text,
      labelFontSize: 12,
      titleFontSize: 12,
      titleFontWeight: "normal",
      gridColor: styled("line"),
      domainColor: styled("line"),
      tickColor: styled("line"),
    },
    axisX: { grid: false },
  };
}
