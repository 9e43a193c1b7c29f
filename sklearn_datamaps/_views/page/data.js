// The map: the blocks of the page, read; and helpers that every part uses. Texts
// reach the document through textContent alone, and never reach plotly.

const $ = (id) => document.getElementById(id);
const header = JSON.parse($("header").textContent);
const N = header.n_points;

const MAX_GROUPS = 7;      // colours; what is left is "other"
const MARGIN = { l: 46, r: 10, t: 8, b: 42 };   // of the axes, in pixels
const SHOWN_TEXT = 400;    // characters of a text in the tooltip and the queue

const ARRAYS = { u1: Uint8Array, u2: Uint16Array, i4: Int32Array, f4: Float32Array, f8: Float64Array };
// From right in every epoch to right in none. Each has 3:1 on the paper, as WCAG 1.4.11
// asks of what has to be seen.
const THEMES = {
  light: {
    ordered: ["#a67c00", "#c2640a", "#d1483f", "#c23a77", "#a0269a", "#7e03a8", "#3f0a8f"],
    named: ["#0072b2", "#b06f00", "#d55e00", "#00805c", "#b8578f", "#2f87bd", "#5c4b00"],
    ink: "#1d2330", faint: "#e2e5ea", other: "#7b8291"
  },
  dark: {
    ordered: ["#fde68a", "#fdb548", "#f5835a", "#ea5f8d", "#d05ad0", "#a878ff", "#8ea2ff"],
    named: ["#56b4e9", "#e69f00", "#ff7a45", "#2bc499", "#e59ac4", "#a9c4ff", "#e8dc6a"],
    ink: "#e6e9f0", faint: "#2c313c", other: "#7d8696"
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
let selected = null;                // Uint8Array of the points in lasso or range
let matching;                       // Uint8Array of the points that pass the filters
let list = new Int32Array(0);       // points in the queue, in its order
let cursor = -1;                    // place in the list of the current point
let current = -1;                   // point that row and decisions are about
let suspects;                       // Int32Array of the points to be read first
let placeInDraw = new Map();        // points of a review with control rows, by their place
let drawn = "";                     // how these were drawn, as the review says

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
  for (const [k, { name, is_number }] of header.columns.entries())
    data.columns.push({ name, is_number, values: await (await unpack(`column:${k}`)).json() });
  for (const [name, formula] of Object.entries(FOLLOWING))
    data[name] ??= data.confidence.map((c, i) => formula(c, data.variability[i]));
}

// What follows from confidence and variability: not in the page but as an average of runs.
const FOLLOWING = {
  aleatoric: (c, v) => Math.max(0, c * (1 - c) - v ** 2),
  threshold_closeness: (c) => c * (1 - c),
};
// What can be ranked by.
const MEASURES = [...new Set([...header.measures, ...Object.keys(FOLLOWING)])];
const UNIT = header.names ? "cells" : "rows";   // a cell: one row and one label

const rowOf = (i) => data.row ? data.row[i] : i;
const textOf = (i) => data.text ? data.text[rowOf(i)] ?? "" : "";
const idOf = (i) => data.ids[rowOf(i)];
const labelOf = (code) => header.labels[code] ?? "";
const nameOf = (i) => data.name ? header.names[data.name[i]] : "";

// Rows to be judged without anything that suggests a decision.
const isBlind = (i) => placeInDraw.has(i);

// Other labels of a point, the likeliest first, with their probabilities where known;
// none of which there are too few rows to know it.
function likely(i) {
  if (isBlind(i)) return [];
  const may = data.name ? header.may_suggest[data.name[i]] : header.may_suggest;
  return others(i).filter(([code]) => may[code]);
}

function others(i) {
  const own = data.label[i], n = header.n_likely;
  if (n) return Array.from({ length: n }, (_, k) => [data.likely[i * n + k], data.likely_p[i * n + k] / 255]);
  if (header.labels.length === 2) return [[1 - own, 1 - data.confidence[i]]];
  return data.predicted[i] === own || data.predicted[i] < 0 ? [] : [[data.predicted[i], NaN]];
}
const suggestedOf = (i) => likely(i)[0]?.[0] ?? -1;

function element(tag, text, attributes = {}) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function fill(select, options) {
  select.replaceChildren(...options.map(([value, text]) => element("option", text, { value })));
}

// What the document says of its sizes and places after a change makes it lay out everything
// at once, so both are kept, from when they changed last.
const sizes = new Map();            // id -> {width, height}
const tops = new Map();             // id -> scrollTop

const noteSize = (id) => { sizes.set(id, { width: $(id).clientWidth, height: $(id).clientHeight }); };

function watchSize(id, act) {
  noteSize(id);
  new ResizeObserver(() => { noteSize(id); act(); }).observe($(id));
}

addEventListener("scroll", ({ target }) => { if (target.id) tops.set(target.id, target.scrollTop); }, true);

function setTop(id, top) {
  if ((tops.get(id) ?? 0) === top) return;
  tops.set(id, top);
  $(id).scrollTop = top;
}

function say(text) {
  $("said").textContent = text;
}
