// The map: its colours, drawing it, and what lies at a place of it.

const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

function colourOptions() {
  const options = [["correctness", "correctness"], ["region", "region"], ["label", "label"],
    ["predicted", "predicted label"]];
  if (data.name) options.push(["name", "label name"]);
  for (const name of MEASURES)
    if (name !== "correctness") options.push([`measure:${name}`, name]);
  header.columns.forEach(({ name }, k) => options.push([`column:${k}`, name]));
  return options;
}

function grouped(by) {
  if (by === "correctness") return { codes: data.bin, names: header.bins, ordered: true };
  if (by === "region") return { codes: data.region, names: header.regions, ordered: false };
  if (by === "label" || by === "predicted") return byFrequency((i) => labelOf(data[by][i]));
  if (by === "name") return byFrequency((i) => header.names[data.name[i]]);
  const [kind, which] = [by.slice(0, by.indexOf(":")), by.slice(by.indexOf(":") + 1)];
  if (kind === "measure") return byQuantile((i) => data[which][i]);
  const { values, is_number } = data.columns[which];
  const distinct = new Set(values);
  if (is_number && distinct.size > MAX_GROUPS) return byQuantile((i) => Number(values[rowOf(i)] ?? NaN));
  return byFrequency((i) => String(values[rowOf(i)] ?? "(missing)"));
}

function byFrequency(nameOf) {
  const counts = new Map();
  for (let i = 0; i < N; i++) counts.set(nameOf(i), (counts.get(nameOf(i)) ?? 0) + 1);
  const names = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a)).slice(0, MAX_GROUPS);
  const codeOf = new Map(names.map((name, code) => [name, code]));
  const codes = Uint8Array.from({ length: N }, (_, i) => codeOf.get(nameOf(i)) ?? MAX_GROUPS);
  return { codes, names: counts.size > MAX_GROUPS ? [...names, "other"] : names, ordered: false };
}

// Groups of about equal size, largest values first.
function byQuantile(valueOf) {
  const values = Float64Array.from({ length: N }, (_, i) => valueOf(i));
  const sorted = values.filter((value) => !Number.isNaN(value)).sort();
  const cuts = [];
  for (let k = 1; k < MAX_GROUPS; k++) cuts.push(sorted[Math.floor(k * sorted.length / MAX_GROUPS)]);
  const edges = [...new Set(cuts)].reverse();
  const codes = Uint8Array.from(values, (value) => {
    if (Number.isNaN(value)) return MAX_GROUPS;
    const code = edges.findIndex((edge) => value >= edge);
    return code < 0 ? edges.length : code;
  });
  const short = (value) => String(Number(value.toPrecision(3)));
  const names = edges.map((edge) => `≥ ${short(edge)}`);
  names.push(edges.length ? `< ${short(edges.at(-1))}` : short(sorted[0] ?? NaN));
  while (names.length <= MAX_GROUPS && codes.includes(MAX_GROUPS))
    names.push(names.length === MAX_GROUPS ? "missing" : "");
  return { codes, names, ordered: true };
}

function styleOf(code) {
  const theme = THEMES[isDark() ? "dark" : "light"];
  if (code >= MAX_GROUPS) return { colour: theme.other, symbol: "circle" };
  if (!groups.ordered) return { colour: theme.named[code], symbol: NAMED_SYMBOLS[code] };
  const steps = Math.max(1, Math.min(MAX_GROUPS, groups.names.length) - 1);
  const step = Math.round(code * (MAX_GROUPS - 1) / steps);
  return { colour: theme.ordered[step], symbol: ORDERED_SYMBOLS[step] };
}

// ---- drawing

const clamp = (x, low, high) => Math.max(low, Math.min(high, x));

// Of a crowd, each point is smaller and lets others through.
const crowdStyle = (crowd) => ({
  size: clamp(60 / Math.pow(crowd + 1, 0.25), 3.5, 8),
  opacity: clamp(25 / Math.sqrt(crowd + 1), 0.35, 0.9),
});

// All points, whatever the filters say: those that pass are drawn over them, see dots.js.
function buildTraces() {
  return inOrder(groups.codes).map(([code, points]) => {
    const { colour, symbol } = styleOf(code);
    return {
      type: "scattergl", mode: "markers", hoverinfo: "skip",
      x: Float32Array.from(points, (i) => data.variability[i]),
      y: Float32Array.from(points, (i) => data.confidence[i]),
      marker: { color: colour, symbol, line: { width: 0 }, ...crowdStyle(points.length) },
    };
  });
}

function shapes() {
  const theme = THEMES[isDark() ? "dark" : "light"];
  const path = (corners) => "M" + corners.map(([v, c]) => `${v},${c}`).join("L");
  const lines = header.boundary.map((corners) => ({
    type: "path", path: path(corners), opacity: 0.7, line: { color: theme.ink, width: 1.2, dash: "dash" },
  }));
  const attainable = Array.from({ length: 101 }, (_, k) => [Math.sqrt(k / 100 * (1 - k / 100)), k / 100]);
  lines.push({ type: "path", path: path(attainable), layer: "below",
    line: { color: theme.other, width: 1, dash: "dot" } });
  return lines;
}

function regionNames(largest) {
  if (!header.boundary.length) return [];
  const halfWidth = clamp(1.06 * largest, 0.1, 0.4);   // at the right edge of the map
  const name = (text, y, yanchor) => ({ text, y, yanchor, xref: "paper", x: 1, xanchor: "right",
    showarrow: false, font: { size: 11, color: THEMES[isDark() ? "dark" : "light"].ink } });
  return [name("easy-to-learn", 0.5 + halfWidth, "bottom"), name("ambiguous", 0.5, "middle"),
    name("hard-to-learn", 0.5 - halfWidth, "top")];
}

// Not before plotly is there, which comes after the row, nor where another pane stands.
const isMapSeen = () => Boolean($("plot").layout && sizes.get("plot")?.width);

const wholeRange = (largest) => [-0.02 * largest, 1.06 * largest];
const REACH = 14;                   // pixels from a point that still mean it
let layout;

function draw() {
  if (!window.Plotly) return Promise.resolve();   // it comes after the row
  const theme = THEMES[isDark() ? "dark" : "light"];
  const largest = Math.max(0.01, widest, data.variability.reduce((a, b) => Math.max(a, b), 0));
  const axis = (title, range) => ({
    title: { text: title, standoff: 8 }, range, zeroline: false, gridcolor: theme.faint,
    linecolor: theme.faint, tickcolor: theme.faint, ticks: "outside",
  });
  layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
    font: { color: theme.ink, family: "system-ui, sans-serif", size: 12 },
    margin: MARGIN, hovermode: false,
    dragmode: dragMode(), uirevision: "same",
    xaxis: axis("variability", wholeRange(largest)),
    yaxis: axis("confidence", [-0.03, 1.03]), shapes: shapes(), annotations: regionNames(largest),
  };
  const done = Plotly.react("plot", buildTraces(), layout,
    { displayModeBar: false, scrollZoom: true, doubleClick: false });
  return done.then(moveOverlay);
}

function drawLegend() {
  if (!groups.counts) return;
  $("legend").replaceChildren(...groups.names.flatMap((name, code) => {
    if (name === "" && !groups.counts[code]) return [];
    const { colour, symbol } = styleOf(code);
    const mark = element("span", GLYPHS[symbol], { "aria-hidden": "true" });
    mark.style.color = colour;
    const button = element("button", undefined, { type: "button", "aria-pressed": String(group?.name === name) });
    button.append(mark, element("bdi", short(name)), element("small", counted(groups.counts[code])));
    button.addEventListener("click", () => {
      group = group?.name === name ? null : { title: $("colour").selectedOptions[0].text, name };
      update();
    });
    const entry = element("li");
    entry.append(button);
    return [entry];
  }));
}

function recolour() {
  group = null;
  groups = grouped($("colour").value);
  filter();
  relist();
  light();
  return draw();
}

// ---- points by place

// Points that lie where this one does, up to what an eye can tell apart.
function underneath(i) {
  const near = 2.5;   // pixels
  const { xaxis, yaxis } = $("plot").layout, { width, height } = sizes.get("plot");
  const unit = ([low, high], pixels) => near * (high - low) / pixels;
  const wide = unit(xaxis.range, width - MARGIN.l - MARGIN.r);
  const high = unit(yaxis.range, height - MARGIN.t - MARGIN.b);
  const found = [], [x, y] = placeOf(i);
  for (let k = 0; k < N; k++) {
    if (!matching[k]) continue;
    const [p, q] = placeOf(k);
    if (Math.abs(p - x) <= wide && Math.abs(q - y) <= high) found.push(k);
  }
  return found;
}

// Plotly's own click misses the second one at the same place, and so what lies beneath.
function startClick(event) {
  if (event.button !== 0 || !event.isPrimary) return;
  const first = onStage(event);
  const listening = new AbortController();
  const on = (type, handle) => addEventListener(type, handle, { signal: listening.signal });
  on("pointercancel", () => listening.abort());
  on("pointerup", (last) => {
    listening.abort();
    const [x, y] = onStage(last);
    if (Math.hypot(x - first[0], y - first[1]) >= CLICK) return;
    const i = pointAt([x, y]);
    if (i >= 0) clickPoint(i);
  });
}

function pointAt([x, y]) {
  const [[x0, y0], [x1, y1]] = [toStage([0, 0]), toStage([1, 1])];   // toStage is linear
  const places = frame ?? { x: data.variability, y: data.confidence };
  let best = -1, least = REACH ** 2;
  for (let i = 0; i < N; i++) {
    if (!matching[i]) continue;
    const far = (x0 + places.x[i] * (x1 - x0) - x) ** 2 + (y0 + places.y[i] * (y1 - y0) - y) ** 2;
    if (far < least) [best, least] = [i, far];
  }
  return best;
}

// Plotly would show what the filters left out, too.
function hover(event) {
  const isIdle = !event.buttons && !playing && event.pointerType !== "touch";
  const i = isIdle ? pointAt(onStage(event)) : -1;
  if (i >= 0) showTooltip(i, event);
  else $("tooltip").hidden = true;
}

// A click reaches, one after the other, all that lie there.
function clickPoint(i) {
  const there = underneath(i);
  const next = there[(there.indexOf(current) + 1) % there.length];
  const k = there.includes(current) ? next : i;
  goTo(k, list.indexOf(k));
}

// The nearest point in one of four directions: the map by the arrow keys.
function walkMap([dx, dy]) {
  if (current < 0) return;
  const [x, y] = toStage(placeOf(current));
  let best = -1, least = Infinity;
  for (let i = 0; i < N; i++) {
    if (!matching[i] || i === current) continue;
    const [p, q] = toStage(placeOf(i));
    const along = (p - x) * dx + (q - y) * dy;
    const aside = Math.abs((p - x) * dy) + Math.abs((q - y) * dx);
    if (along > 0 && aside <= 2 * along && along + 2 * aside < least) [best, least] = [i, along + 2 * aside];
  }
  if (best >= 0) goTo(best, list.indexOf(best));
}

function zoom(factor) {
  const ranges = ["xaxis", "yaxis"].map((axis) => {
    const [low, high] = $("plot").layout[axis].range;
    const center = current < 0 ? (low + high) / 2 : placeOf(current)[axis === "xaxis" ? 0 : 1];
    return [center - factor * (center - low), center + factor * (high - center)];
  });
  Plotly.relayout("plot", { "xaxis.range": ranges[0], "yaxis.range": ranges[1] });
}

function wholeMap() {
  Plotly.relayout("plot", { "xaxis.range": layout.xaxis.range.slice(), "yaxis.range": [-0.03, 1.03] });
}
