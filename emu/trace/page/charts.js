// Histograms of times on a logarithmic axis: the scheduler's part above the line, the host's part hatched below it.

const SVG = "http://www.w3.org/2000/svg";
const CHART = { width: 560, height: 190, left: 48, right: 14, top: 14, bottom: 22, below: 44 };

function draw(tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

// The axes that the distributions of all traces share: {first, last} bin, {most, mostHost} count.
function axesOf(distributions) {
  const axes = { first: 40, last: 44, most: 1, mostHost: 1 };
  for (const one of distributions) {
    for (const [name, most] of [["counts", "most"], ["host_counts", "mostHost"]]) {
      for (const [bin, times] of one[name]) {
        axes.first = Math.min(axes.first, bin);
        axes.last = Math.max(axes.last, bin + 1);
        axes[most] = Math.max(axes[most], times);
      }
    }
  }
  return axes;
}

function histogram(title, one, axes, perOctave, label) {
  const svg = draw("svg", { viewBox: `0 0 ${CHART.width} ${CHART.height + CHART.below}`, role: "img" });
  const said = ["p50", "p90", "p99", "p100"].filter((p) => p in one.percentiles)
    .map((p) => `${p === "p100" ? "max" : p} ${duration(one.percentiles[p])}`).join(", ");
  svg.setAttribute("aria-label", `${title}: ${count(one.count)} times; ${said || "none"}`);
  const room = CHART.width - CHART.left - CHART.right;
  const base = CHART.height - CHART.bottom;
  const x = (bin) => CHART.left + (bin - axes.first) / (axes.last - axes.first) * room;
  const wide = Math.max(x(1) - x(0) - 0.6, 0.8);
  const hatch = `hatch-${Math.random().toString(36).slice(2)}`;
  svg.append(hatchPattern(hatch));
  for (const [bin, times] of one.counts) {
    const high = Math.max(times / axes.most * (base - CHART.top), 1);
    svg.append(bar(x(bin), base - high, wide, high, "own", bin, times, perOctave));
  }
  for (const [bin, times] of one.host_counts) {
    const high = Math.max(times / axes.mostHost * (CHART.below - 6), 1);
    const made = bar(x(bin), base + CHART.bottom, wide, high, "host", bin, times, perOctave);
    made.setAttribute("fill", `url(#${hatch})`);
    svg.append(made);
  }
  drawLogAxis(svg, x, axes, base, perOctave);
  svg.append(draw("text", { x: CHART.left - 4, y: CHART.top + 8, "text-anchor": "end" }, compact(axes.most)));
  svg.append(draw("text", { x: CHART.left - 4, y: base + CHART.bottom + 12, "text-anchor": "end" }, "host"));
  drawMarks(svg, one, x, base, perOctave);
  const host = one.stalled
    ? `; in ${count(one.stalled)} the host took part: ${duration(one.host_total_ns)} in all, at most ${duration(one.host_percentiles.p100)}`
    : "; the host took no part";
  return make("div", { class: "chart card" }, make("h3", {}, label ? `${title}: ${label}` : title), svg,
    make("div", { class: "say" }, one.count ? `${count(one.count)} times: ${said}${host}.` : "None in this trace."));
}

function bar(x, y, width, height, kind, bin, times, perOctave) {
  const made = draw("rect", { x, y, width, height, class: kind });
  const [from, to] = [2 ** (bin / perOctave), 2 ** ((bin + 1) / perOctave)];
  made.append(draw("title", {}, `${count(times)} of ${bin ? duration(from) : "0"} to ${duration(to)}`));
  return made;
}

function hatchPattern(id) {
  const pattern = draw("pattern", { id, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" });
  pattern.append(draw("rect", { width: 5, height: 5, fill: "#d8a3a3" }), draw("rect", { width: 1.6, height: 5, fill: "#5a1010" }));
  return pattern;
}

function drawLogAxis(svg, x, axes, base, perOctave) {
  svg.append(draw("line", { x1: CHART.left, x2: CHART.width - CHART.right, y1: base + 0.5, y2: base + 0.5, class: "axis" }));
  let lastAt = -99;
  for (let power = 0; power < 14; power++) {
    const bin = Math.log2(10 ** power) * perOctave;
    if (bin < axes.first || bin > axes.last) continue;
    svg.append(draw("line", { x1: x(bin), x2: x(bin), y1: base, y2: base + 4, class: "axis" }));
    const anchor = x(bin) > CHART.width - 34 ? "end" : "middle";
    if (x(bin) - lastAt > 50) svg.append(draw("text", { x: x(bin), y: base + 15, "text-anchor": anchor }, duration(10 ** power)));
    if (x(bin) - lastAt > 50) lastAt = x(bin);
  }
}

function drawMarks(svg, one, x, base, perOctave) {
  let lastAt = -99;
  for (const name of ["p50", "p99"]) {
    if (!(name in one.percentiles)) continue;
    const at = x(Math.log2(Math.max(one.percentiles[name], 1)) * perOctave);
    svg.append(draw("line", { x1: at, x2: at, y1: CHART.top, y2: base, class: "mark" }));
    const y = at - lastAt < 34 ? CHART.top + 18 : CHART.top + 6;
    const end = at > CHART.width - 40;
    svg.append(draw("text", { x: at + (end ? -3 : 3), y, class: "mark-text", "text-anchor": end ? "end" : "start" }, name));
    lastAt = at;
  }
}
