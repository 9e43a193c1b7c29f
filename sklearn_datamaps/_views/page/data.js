// The map: the blocks of the page, read; and helpers that every part uses. Texts
// reach the document through textContent alone, and never reach plotly.

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
