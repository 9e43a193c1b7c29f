// The explorer of a data map. Reads the blocks of its own page, nothing else; texts
// reach the document through textContent alone, and never reach plotly.
"use strict";
(() => {

const $ = (id) => document.getElementById(id);
const header = JSON.parse($("header").textContent);
const N = header.n_points;

const ROW_HEIGHT = 28;     // of the table, as in the style
const MAX_GROUPS = 7;      // colours; what is left is "other"
const MARGIN = { l: 56, r: 12, t: 8, b: 48 };   // of the axes, in pixels
const SHOWN_TEXT = 400;    // characters of a text in the tooltip and the table

const ARRAYS = { u1: Uint8Array, i4: Int32Array, f4: Float32Array };
// From right in every epoch to right in none, as DataMapDisplay draws it (plasma).
const THEMES = {
  light: {
    ordered: ["#fdc527", "#f89540", "#e66c5c", "#cc4778", "#aa2395", "#7e03a8", "#4c02a1"],
    named: ["#0072b2", "#e69f00", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#5c4b00"],
    ink: "#1d2330", faint: "#d9dde5", other: "#8c93a1"
  },
  dark: {
    ordered: ["#fde68a", "#fdb548", "#f5835a", "#ea5f8d", "#d05ad0", "#a878ff", "#8ea2ff"],
    named: ["#56b4e9", "#e69f00", "#ff7a45", "#2bc499", "#e59ac4", "#a9c4ff", "#e8dc6a"],
    ink: "#e6e9f0", faint: "#353b48", other: "#7d8696"
  },
};
// Symbols, so that no group is told by colour alone.
const ORDERED_SYMBOLS = ["circle", "triangle-up", "cross", "square", "diamond",
  "triangle-down", "x"];
const NAMED_SYMBOLS = ["circle", "diamond", "triangle-up", "square", "cross",
  "triangle-down", "star"];
const GLYPHS = { circle: "●", "triangle-up": "▲", cross: "✚", square: "■", diamond: "◆",
  "triangle-down": "▼", x: "✖", star: "★" };

const data = { columns: [] };       // the map
let groups;                         // what the colour shows: {codes, names, ordered}
let selected = null;                // Uint8Array of the points in lasso or box
let matching;                       // Uint8Array of the points that pass the filters
let list = new Int32Array(0);       // points in the table, in its order
let cursor = -1;                    // place in the list of the current point
let current = -1;                   // point that detail and decisions are about
let traces = [];                    // points of each drawn group
let ascending = true;
let dark = false;
let listed;                         // Uint8Array of the points in the list

// ---- reading the page

async function unpack(name) {
  const holder = document.querySelector(`script[data-block="${CSS.escape(name)}"]`);
  const binary = atob(holder.textContent);
  holder.remove();
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream);
}

async function readAll() {
  for (const [name, dtype] of Object.entries(header.arrays))
    data[name] = new ARRAYS[dtype](await (await unpack(name)).arrayBuffer());
  data.ids = await (await unpack("id")).json();
  data.text = header.text === null ? null : await (await unpack("text")).json();
  for (const { name, is_number } of header.columns)
    data.columns.push({ name, is_number, values: await (await unpack(`column:${name}`)).json() });
}

const rowOf = (i) => data.row ? data.row[i] : i;
const textOf = (i) => data.text ? data.text[rowOf(i)] ?? "" : "";
const idOf = (i) => data.ids[rowOf(i)];
const labelOf = (code) => header.labels[code] ?? "";

// Shortest decimal that is this 32-bit number again.
function decimal(x) {
  if (Number.isNaN(x)) return "";
  for (let digits = 6; digits < 9; digits++)
    if (Math.fround(Number(x.toPrecision(digits))) === x) return String(Number(x.toPrecision(digits)));
  return String(Number(x.toPrecision(9)));
}
const rounded = (x) => Number.isNaN(x) ? "–" : x.toFixed(3);
const counted = (n) => n.toLocaleString("en");

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function fill(select, options) {
  select.replaceChildren(...options.map(([value, text]) => element("option", text, { value })));
}

// ---- decisions: a log, kept by the browser under the hash of the map

const STORE = `sklearn-datamaps:${header.hash}`;
let log = [];                       // [key, decision, new label], oldest first
const decisions = new Map();        // point -> [decision, new label]
const pointOfKey = new Map();

const keyOf = (i) => `${data.position[rowOf(i)]}` + (data.name ? `:${data.name[i]}` : "");

function replay() {
  decisions.clear();
  for (const [key, decision, label] of log)
    if (pointOfKey.has(key)) decisions.set(pointOfKey.get(key), [decision, label]);
}

function load() {
  try {
    log = JSON.parse(localStorage.getItem(STORE)) ?? [];
  } catch {
    note("This browser keeps nothing for this page: save review.csv before you leave.");
  }
  replay();
}

function store() {
  try {
    localStorage.setItem(STORE, JSON.stringify(log));
  } catch { /* said when loading */ }
}

function decide(decision, label = "") {
  if (current < 0) return;
  log.push([keyOf(current), decision, label]);
  replay();
  store();
  if (cursor >= 0 && cursor < list.length - 1) step(1);
  else goTo(current, cursor);
}

function undo() {
  const last = log.pop();
  if (!last) return;
  replay();
  store();
  const i = pointOfKey.get(last[0]);
  if (i === undefined) refresh();
  else goTo(i, list.indexOf(i));
}

function refresh() {
  let nDecided = 0;
  for (const i of decisions.keys()) nDecided += listed[i];
  $("progress").textContent = `${counted(nDecided)} of ${counted(list.length)} in the list ` +
    `decided, ${counted(decisions.size)} in all`;
  $("save").disabled = decisions.size === 0;
  $("undo").disabled = log.length === 0;
  for (const id of ["keep", "relabel", "drop"]) $(id).disabled = current < 0;
  drawRows();
}

function askLabel() {
  if (current < 0) return;
  const own = data.label[current];
  const others = header.labels.map((name, code) => [code, name]).filter(([code]) => code !== own);
  fill($("new-label"), others);
  $("new-label").size = Math.max(2, Math.min(10, others.length));
  const likely = data.predicted[current] !== own ? data.predicted[current] : others[0]?.[0];
  $("new-label").value = likely;
  $("relabel-dialog").showModal();
  $("new-label").focus();
}

function relabel() {
  $("new-label").blur();   // else the next key may still be the list's
  $("relabel-dialog").close();
  if ($("new-label").value !== "") decide("relabel", labelOf($("new-label").value));
}

// ---- CSV: RFC 4180, and no text that a spreadsheet would run

const guarded = (text) => /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
const quoted = (text) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
const cell = (value, isNumber) => value === null || value === undefined ? ""
  : quoted(isNumber ? String(value) : guarded(String(value)));

function csv(points) {
  const textName = data.text ? [header.text] : [];
  const labelName = data.name ? ["label_name"] : [];
  const head = ["id", "position", ...labelName, ...textName, ...header.columns.map((c) => c.name),
    "label", "predicted", "confidence", "variability", "correctness", "region", "decision",
    "new_label", "row_hash"];
  const lines = [head.map((name) => cell(name, false)).join(",")];
  const width = data.hashes.length / data.position.length;
  for (const i of points) {
    const row = rowOf(i);
    const [decision, newLabel] = decisions.get(i) ?? ["", ""];
    const hash = Array.from(data.hashes.subarray(row * width, (row + 1) * width),
      (byte) => byte.toString(16).padStart(2, "0")).join("");
    lines.push([
      cell(data.ids[row], header.id_is_number),
      String(data.position[row]),
      ...(data.name ? [cell(header.names[data.name[i]], false)] : []),
      ...(data.text ? [cell(data.text[row], false)] : []),
      ...data.columns.map((column) => cell(column.values[row], column.is_number)),
      cell(labelOf(data.label[i]), header.label_is_number),
      cell(labelOf(data.predicted[i]), header.label_is_number),
      decimal(data.confidence[i]), decimal(data.variability[i]), decimal(data.correctness[i]),
      header.regions[data.region[i]], decision, cell(newLabel, header.label_is_number), hash,
    ].join(","));
  }
  return lines.join("\r\n") + "\r\n";
}

function download(name, points) {
  const url = URL.createObjectURL(new Blob([csv(points)], { type: "text/csv;charset=utf-8" }));
  const link = element("a", "", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

const decidedPoints = () => [...decisions.keys()].sort((a, b) => a - b);

// ---- colour

function colourOptions() {
  const options = [["correctness", "correctness"], ["region", "region"], ["label", "label"],
    ["predicted", "predicted label"]];
  if (data.name) options.push(["name", "label name"]);
  for (const name of header.measures)
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
  const theme = THEMES[dark ? "dark" : "light"];
  if (code >= MAX_GROUPS) return { colour: theme.other, symbol: "circle" };
  if (!groups.ordered) return { colour: theme.named[code], symbol: NAMED_SYMBOLS[code] };
  const steps = Math.max(1, Math.min(MAX_GROUPS, groups.names.length) - 1);
  const step = Math.round(code * (MAX_GROUPS - 1) / steps);
  return { colour: theme.ordered[step], symbol: ORDERED_SYMBOLS[step] };
}

// ---- drawing

const clamp = (x, low, high) => Math.max(low, Math.min(high, x));

function buildTraces() {
  traces = groups.names.map(() => []);
  for (let i = 0; i < N; i++) if (matching[i]) traces[groups.codes[i]].push(i);
  return traces.map((points, code) => {
    const { colour, symbol } = styleOf(code);
    const crowd = points.length;
    return {
      type: "scattergl", mode: "markers", hoverinfo: "none",
      x: Float32Array.from(points, (i) => data.variability[i]),
      y: Float32Array.from(points, (i) => data.confidence[i]),
      selectedpoints: selected ? points.flatMap((i, k) => selected[i] ? [k] : []) : null,
      marker: {
        color: colour, symbol, line: { width: 0 },
        size: clamp(60 / Math.pow(crowd + 1, 0.25), 3.5, 8),
        opacity: clamp(25 / Math.sqrt(crowd + 1), 0.35, 0.9),
      },
      selected: { marker: { opacity: 0.95 } },
      unselected: { marker: { opacity: clamp(8 / Math.sqrt(crowd + 1), 0.1, 0.3) } },
    };
  });
}

function shapes() {
  const theme = THEMES[dark ? "dark" : "light"];
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
    showarrow: false, font: { size: 11, color: THEMES[dark ? "dark" : "light"].ink } });
  return [name("easy-to-learn", 0.5 + halfWidth, "bottom"), name("ambiguous", 0.5, "middle"),
    name("hard-to-learn", 0.5 - halfWidth, "top")];
}

let layout;

function draw() {
  const theme = THEMES[dark ? "dark" : "light"];
  const largest = Math.max(0.01, data.variability.reduce((a, b) => Math.max(a, b), 0));
  const axis = (title, range) => ({
    title: { text: title, standoff: 8 }, range, zeroline: false, gridcolor: theme.faint,
    linecolor: theme.faint, tickcolor: theme.faint, ticks: "outside",
  });
  const kept = layout ? { dragmode: layout.dragmode, selections: layout.selections } : {};
  layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false,
    font: { color: theme.ink, family: "system-ui, sans-serif", size: 12 },
    margin: MARGIN, hovermode: "closest", hoverdistance: 14,
    dragmode: "lasso", ...kept, uirevision: "same", selectionrevision: "same",
    newselection: { line: { color: theme.ink, width: 1.5, dash: "dot" } },
    xaxis: axis("variability", [-0.02 * largest, 1.06 * largest]),
    yaxis: axis("confidence", [-0.03, 1.03]), shapes: shapes(), annotations: regionNames(largest),
  };
  const drawn = buildTraces();
  drawLegend();
  return Plotly.react("plot", drawn, layout,
    { displayModeBar: false, scrollZoom: true, doubleClick: false });
}

function drawLegend() {
  $("legend").replaceChildren(...groups.names.flatMap((name, code) => {
    if (name === "" && !traces[code]?.length) return [];
    const { colour, symbol } = styleOf(code);
    const entry = element("li");
    const mark = element("span", GLYPHS[symbol], { "aria-hidden": "true" });
    mark.style.color = colour;
    entry.append(mark, element("bdi", name.slice(0, 40)),
      element("small", counted(traces[code].length)));
    return [entry];
  }));
}

// The ring round the current row is ours: moving a shape would draw every point again.
function moveRing() {
  const plot = $("plot");
  const { l, r, t, b } = MARGIN;
  const share = (value, [low, high]) => (value - low) / (high - low);
  const x = share(data.variability[current], plot.layout.xaxis.range);
  const y = share(data.confidence[current], plot.layout.yaxis.range);
  const ring = $("ring");
  ring.hidden = !(x >= 0 && x <= 1 && y >= 0 && y <= 1);
  ring.style.left = `${l + x * (plot.clientWidth - l - r)}px`;
  ring.style.top = `${t + (1 - y) * (plot.clientHeight - t - b)}px`;
}

// ---- filters, selection, order: what the list holds

function filter() {
  const [region, label, name] = ["region", "label", "name"].map((id) => $(id).value);
  const show = $("show").value;
  const query = $("search").value.trim().toLowerCase();
  let found = null;
  if (query) {
    const ids = data.ids;
    found = Uint8Array.from({ length: ids.length }, (_, row) =>
      (data.text?.[row] ?? "").toLowerCase().includes(query) || String(ids[row] ?? "").toLowerCase().includes(query));
  }
  matching = Uint8Array.from({ length: N }, (_, i) =>
    (region === "" || data.region[i] === Number(region)) &&
    (label === "" || data.label[i] === Number(label)) &&
    (name === "" || data.name[i] === Number(name)) &&
    (!found || found[rowOf(i)]) && shown(show, i));
}

function shown(show, i) {
  if (show === "") return true;
  if (show === "differs") return data.label[i] !== data.predicted[i];
  const decision = decisions.get(i)?.[0];
  return show === "undecided" ? !decision : show === "decided" ? Boolean(decision) : decision === show;
}

function sortKey(i) {
  const by = $("sort").value;
  if (by === "position") return data.position[rowOf(i)];
  if (by === "text") return textOf(i);
  if (by === "label" || by === "predicted") return labelOf(data[by][i]);
  if (by === "decision") return decisions.get(i)?.[0] ?? "";
  if (by.startsWith("column:")) return data.columns[by.slice(7)].values[rowOf(i)];
  return data[by.slice(8)][i];
}

function relist() {
  const points = [];
  for (let i = 0; i < N; i++) if (matching[i] && (!selected || selected[i])) points.push(i);
  const keys = new Array(N);
  for (const i of points) keys[i] = sortKey(i);
  const isMissing = (key) => key === null || key === undefined || Number.isNaN(key);
  const sign = ascending ? 1 : -1;
  points.sort((a, b) => {
    const p = keys[a], q = keys[b];
    if (isMissing(p) || isMissing(q)) return isMissing(p) - isMissing(q) || a - b;
    return p < q ? -sign : p > q ? sign : a - b;
  });
  list = Int32Array.from(points);
  listed = new Uint8Array(N);
  for (const i of list) listed[i] = 1;
  cursor = current < 0 ? -1 : list.indexOf(current);
  const what = selected ? "selected" : list.length < N ? "match" : "rows";
  $("count").textContent = `${counted(list.length)} ${what}`;
  $("scroll").scrollTop = 0;
  drawHead();
  refresh();
}

function update() {
  filter();
  relist();
  return draw();
}

function clearSelection() {
  if (!selected) return;
  selected = null;
  layout.selections = [];
  relist();
  draw();
}

// ---- table: only the rows in sight are in the document

function tableColumns() {
  const columns = [["position", "row", (i) => String(idOf(i) ?? "")]];
  columns.push(["decision", "decision", (i) => (decisions.get(i) ?? [""]).filter(Boolean).join(" → ")]);
  if (data.name) columns.push(["", "name", (i) => header.names[data.name[i]]]);
  if (data.text) columns.push(["text", "text", (i) => textOf(i).slice(0, SHOWN_TEXT)]);
  columns.push(["label", "label", (i) => labelOf(data.label[i])]);
  columns.push(["predicted", "predicted", (i) => labelOf(data.predicted[i])]);
  const by = $("sort").value;
  const measures = ["confidence", "variability", "correctness"];
  if (by.startsWith("measure:") && !measures.includes(by.slice(8))) measures.push(by.slice(8));
  for (const name of measures) columns.push([`measure:${name}`, name, (i) => rounded(data[name][i])]);
  if (by.startsWith("column:")) {
    const { name, values } = data.columns[by.slice(7)];
    columns.push([by, name, (i) => String(values[rowOf(i)] ?? "").slice(0, SHOWN_TEXT)]);
  }
  return columns;
}

function drawHead() {
  $("columns").replaceChildren(...tableColumns().map(([by, name]) => {
    const head = element("th", undefined, { scope: "col", "data-by": by });
    if (!by) head.textContent = name;
    else {
      const isSorted = by === $("sort").value;
      head.setAttribute("aria-sort", isSorted ? (ascending ? "ascending" : "descending") : "none");
      const button = element("button", name + (isSorted ? (ascending ? " ↑" : " ↓") : ""),
        { type: "button", "aria-label": `Sort by ${name}` });
      button.addEventListener("click", () => sortBy(by, isSorted ? !ascending : true));
      head.append(button);
    }
    return head;
  }));
}

function sortBy(by, up) {
  $("sort").value = by;
  ascending = up;
  $("direction").textContent = up ? "ascending" : "descending";
  $("direction").setAttribute("aria-pressed", String(up));
  relist();
}

function drawRows() {
  const scroll = $("scroll");
  const first = Math.max(0, Math.floor(scroll.scrollTop / ROW_HEIGHT) - 5);
  const last = Math.min(list.length, first + Math.ceil(scroll.clientHeight / ROW_HEIGHT) + 10);
  const columns = tableColumns();
  const spacer = (n) => {
    const row = element("tr", undefined, { "aria-hidden": "true", class: "spacer" });
    const gap = element("td", undefined, { colspan: columns.length });
    gap.style.height = `${n * ROW_HEIGHT}px`;
    row.append(gap);
    return row;
  };
  const rows = [spacer(first)];
  for (let at = first; at < last; at++) {
    const i = list[at];
    const row = element("tr", undefined, { id: `row-${at}`, role: "row", "aria-rowindex": at + 2,
      "aria-selected": String(i === current), "data-point": i });
    for (const [by, , show] of columns)
      row.append(element("td", show(i), { role: "gridcell", "data-by": by, dir: "auto" }));
    row.addEventListener("click", () => goTo(i, at));
    rows.push(row);
  }
  rows.push(spacer(list.length - last));
  $("rows").replaceChildren(...rows);
  $("table").setAttribute("aria-rowcount", list.length + 1);
  if (cursor >= first && cursor < last) $("table").setAttribute("aria-activedescendant", `row-${cursor}`);
  else $("table").removeAttribute("aria-activedescendant");
}

function scrollToCursor() {
  if (cursor < 0) return;
  const scroll = $("scroll");
  const top = cursor * ROW_HEIGHT;
  const room = scroll.clientHeight - 2 * ROW_HEIGHT;
  if (top < scroll.scrollTop || top > scroll.scrollTop + room) scroll.scrollTop = Math.max(0, top - room / 2);
}

// ---- the current row

function goTo(i, place) {
  current = i;
  cursor = place;
  showCurrent();
  scrollToCursor();
  refresh();
}

function step(by) {
  if (!list.length) return;
  const place = clamp(cursor + by, 0, list.length - 1);
  goTo(list[place], place);
}

function showCurrent() {
  showDetail(current);
  moveRing();
}

function facts(i) {
  const found = [["label", labelOf(data.label[i])], ["predicted", labelOf(data.predicted[i])]];
  if (data.name) found.unshift(["name", header.names[data.name[i]]]);
  found.push(["region", header.regions[data.region[i]]]);
  for (const name of header.measures) found.push([name, rounded(data[name][i])]);
  return found;
}

function listFacts(into, found) {
  into.replaceChildren(...found.flatMap(([name, value]) =>
    [element("dt", name), element("dd", value, { dir: "auto" })]));
}

function showDetail(i) {
  $("hint").hidden = i >= 0;
  $("row").hidden = i < 0;
  if (i < 0) return;
  $("row").dataset.point = i;
  const [decision, label] = decisions.get(i) ?? ["", ""];
  $("row-head").replaceChildren(element("b", `row ${idOf(i) ?? ""}`),
    element("span", decision ? [decision, label].filter(Boolean).join(" → ") : "undecided",
      { class: "decision", "data-decision": decision }));
  const text = $("row-text");
  text.hidden = !data.text;
  text.textContent = textOf(i);
  text.scrollTop = 0;
  const carried = data.columns.map(({ name, values }) => [name, String(values[rowOf(i)] ?? "")]);
  listFacts($("row-values"), [...facts(i), ...carried]);
  drawTrajectory(i);
}

function drawTrajectory(i) {
  const figure = $("row-trajectory");
  figure.replaceChildren();
  figure.hidden = !data.trajectories;
  if (!data.trajectories) return;
  const n = header.n_epochs;
  const p = Array.from(data.trajectories.subarray(i * n, (i + 1) * n), (byte) => byte / 255);
  const [W, H, LEFT, TOP] = [220, 110, 26, 6];
  const x = (k) => LEFT + (n > 1 ? k / (n - 1) : 0.5) * (W - LEFT - 8);
  const y = (v) => TOP + (1 - v) * (H - TOP - 20);
  const svg = (tag, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img",
    "aria-label": `Probability of the own label by epoch: ${p.map((v) => v.toFixed(2)).join(", ")}` });
  for (const v of [0, 0.5, 1]) {
    picture.append(svg("line", { x1: LEFT, x2: W - 4, y1: y(v), y2: y(v), class: "grid" }));
    picture.append(svg("text", { x: LEFT - 4, y: y(v) + 3, "text-anchor": "end" }, String(v)));
  }
  picture.append(svg("polyline", { points: p.map((v, k) => `${x(k)},${y(v)}`).join(" "), class: "line" }));
  p.forEach((v, k) => picture.append(svg("circle", { cx: x(k), cy: y(v), r: n > 30 ? 1.2 : 2.5 })));
  picture.append(svg("text", { x: LEFT, y: H - 4 }, "epoch 1"));
  if (n > 1) picture.append(svg("text", { x: W - 4, y: H - 4, "text-anchor": "end" }, String(n)));
  figure.append(picture);
}

function showTooltip(i, mouse) {
  const tip = $("tooltip");
  const text = textOf(i);
  const words = element("p", text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}…` : text, { dir: "auto" });
  const values = element("dl");
  listFacts(values, facts(i));
  tip.replaceChildren(...(data.text ? [words] : [element("p", `row ${idOf(i) ?? ""}`)]), values);
  tip.hidden = false;
  tip.dataset.point = i;
  const { width, height } = tip.getBoundingClientRect();
  const left = mouse.clientX + 16 + width > innerWidth ? mouse.clientX - 16 - width : mouse.clientX + 16;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${clamp(mouse.clientY - height / 2, 4, innerHeight - height - 4)}px`;
}

// ---- start

function note(text) {
  $("notes").append(element("span", `${text} `));
}

function setTheme(isDark) {
  dark = isDark;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  $("theme").setAttribute("aria-pressed", String(dark));
}

function pointOf(event) {
  const { curveNumber, pointNumber } = event.points[0];
  return traces[curveNumber][pointNumber];
}

function listenToPlot() {
  const plot = $("plot");
  plot.on("plotly_hover", (event) => showTooltip(pointOf(event), event.event));
  plot.on("plotly_unhover", () => { $("tooltip").hidden = true; });
  plot.on("plotly_click", (event) => {
    const i = pointOf(event);
    goTo(i, list.indexOf(i));
  });
  // Plotly also says "selected" when it draws a kept lasso anew; only the mouse counts.
  let drawing = false;
  plot.on("plotly_selecting", () => { drawing = true; });
  plot.on("plotly_selected", (event) => {
    if (!drawing || !event?.points) return;
    drawing = false;
    selected = new Uint8Array(N);
    for (const { curveNumber, pointNumber } of event.points) selected[traces[curveNumber][pointNumber]] = 1;
    relist();
  });
  for (const moved of ["plotly_relayout", "plotly_relayouting"]) plot.on(moved, moveRing);
  plot.on("plotly_deselect", clearSelection);
  plot.on("plotly_doubleclick", clearSelection);
}

const KEYS = {
  k: () => decide("keep"), d: () => decide("drop"), r: askLabel, u: undo,
  n: () => step(1), p: () => step(-1),
  "/": () => $("search").focus(), escape: clearSelection,
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const target = event.target;
  if (target.matches("input[type=search], select, textarea")) {
    if (event.key === "Escape") target.blur();
    return;
  }
  const inTable = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -N, End: N }[event.key];
  if (inTable && target === $("table")) step(inTable);
  else if (KEYS[event.key.toLowerCase()]) KEYS[event.key.toLowerCase()]();
  else return;
  event.preventDefault();
}

function listen() {
  for (const id of ["region", "label", "name", "show"]) $(id).addEventListener("change", update);
  let waiting;
  $("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(update, 200); });
  $("colour").addEventListener("change", () => { groups = grouped($("colour").value); draw(); });
  $("sort").addEventListener("change", () => sortBy($("sort").value, ascending));
  $("direction").addEventListener("click", () => sortBy($("sort").value, !ascending));
  $("clear").addEventListener("click", () => {
    for (const id of ["region", "label", "name", "show", "search"]) $(id).value = "";
    selected = null;
    layout.selections = [];
    update();
  });
  $("drag").addEventListener("change", (event) => {
    layout.dragmode = event.target.value;
    Plotly.relayout("plot", { dragmode: layout.dragmode });
  });
  $("reset").addEventListener("click", () => {
    Plotly.relayout("plot", { "xaxis.range": layout.xaxis.range.slice(), "yaxis.range": [-0.03, 1.03] });
  });
  $("theme").addEventListener("click", () => { setTheme(!dark); draw(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
    setTheme(event.matches);
    draw();
  });
  for (const [id, by] of [["next", 1], ["previous", -1]]) $(id).addEventListener("click", () => step(by));
  for (const id of ["keep", "drop"]) $(id).addEventListener("click", () => decide(id));
  $("relabel").addEventListener("click", askLabel);
  $("undo").addEventListener("click", undo);
  $("relabel-confirm").addEventListener("click", relabel);
  $("relabel-cancel").addEventListener("click", () => $("relabel-dialog").close());
  $("new-label").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    relabel();
  });
  $("save").addEventListener("click", () => download("review.csv", decidedPoints()));
  $("export").addEventListener("click", () => download("selection.csv", list));
  $("help-open").addEventListener("click", () => $("help").showModal());
  $("scroll").addEventListener("scroll", drawRows);
  new ResizeObserver(drawRows).observe($("scroll"));
  new ResizeObserver(() => Plotly.Plots.resize("plot").then(moveRing)).observe($("plot"));
  document.addEventListener("keydown", onKey);
  addEventListener("storage", (event) => {
    if (event.key !== STORE) return;
    load();
    refresh();
  });
}

function fillControls() {
  fill($("colour"), colourOptions());
  fill($("region"), [["", "all"], ...header.regions.map((name, code) => [code, name])]);
  fill($("label"), [["", "all"], ...header.labels.map((name, code) => [code, name])]);
  $("name-box").hidden = !data.name;
  fill($("name"), [["", "all"], ...(header.names ?? []).map((name, code) => [code, name])]);
  fill($("show"), [["", "all rows"], ["differs", "predicted ≠ label"], ["undecided", "undecided"],
    ["decided", "decided"], ["keep", "keep"], ["relabel", "relabel"], ["drop", "drop"]]);
  fill($("sort"), [...header.measures.map((name) => [`measure:${name}`, name]),
    ["position", "row"], ...(data.text ? [["text", "text"]] : []), ["label", "label"],
    ["predicted", "predicted label"], ["decision", "decision"],
    ...header.columns.map(({ name }, k) => [`column:${k}`, name])]);
}

async function start() {
  header.notes.forEach(note);
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches);
  await readAll();
  for (let i = 0; i < N; i++) pointOfKey.set(keyOf(i), i);
  load();
  fillControls();
  (0, eval)(await (await unpack("plotly")).text());
  groups = grouped("correctness");
  await update();
  listenToPlot();
  listen();
  document.documentElement.dataset.state = "ready";
}

start().catch((error) => {
  note(`The map cannot be shown: ${error.message}`);
  document.documentElement.dataset.state = "failed";
  throw error;
});

})();
