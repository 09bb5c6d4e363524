// Draws a Vega-Lite specification as SVG, again when the theme changes.

import { element, fill } from "./dom.js";
import { styled, theme } from "./theme.js";

let library;

// The page's largest file, loaded while the service works on the answer.
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

// A chart listens to the window's size until it is finalized.
function forgetGone() {
  for (const [host, { made }] of drawn) {
    if (made && !host.isConnected) {
      made.finalize();
      drawn.delete(host);
    }
  }
}

// makeSpec is called for each drawing, as the colours depend on the theme. onpick gets
// the datum that was clicked.
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

// ast: expressions are interpreted, as the page's policy forbids eval.
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
