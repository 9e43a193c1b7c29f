// Numbers and texts as people and files read them. Needs no browser.

// Shortest decimal that is this 32-bit number again.
function decimal(x) {
  if (Number.isNaN(x)) return "";
  for (let digits = 6; digits < 9; digits++)
    if (Math.fround(Number(x.toPrecision(digits))) === x) return String(Number(x.toPrecision(digits)));
  return String(Number(x.toPrecision(9)));
}

const rounded = (x) => Number.isNaN(x) ? "–" : String(Number(x.toPrecision(4)));
const counted = (n) => n.toLocaleString("en");
const percent = (share) => share > 0 && share < 0.005 ? "under 1 %" : `${Math.round(100 * share)} %`;

// ---- CSV: RFC 4180, and no text that a spreadsheet would run

const guarded = (text) => /^[=+\-@＝＋－＠\t\r\n]/.test(text) ? `'${text}` : text;
const unguarded = (text) => /^'[=+\-@＝＋－＠\t\r\n]/.test(text) ? text.slice(1) : text;
const quoted = (text) => /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
const cell = (value, isNumber) => value === null || value === undefined ? ""
  : quoted(isNumber ? String(value) : guarded(String(value)));

// Rows of cells, as they stand. A spreadsheet may have changed the delimiter.
function parseCsv(text) {
  const head = text.slice(0, text.search(/[\r\n]|$/));
  const delimiter = [",", ";", "\t"].reduce((best, mark) =>
    head.split(mark).length > head.split(best).length ? mark : best);
  const rows = [];
  let row = [], value = "", isQuoted = false;
  const endCell = () => { row.push(value); value = ""; };
  const endRow = () => { endCell(); if (row.length > 1 || row[0] !== "") rows.push(row); row = []; };
  for (let at = 0; at < text.length; at++) {
    const mark = text[at];
    if (isQuoted) {
      if (mark !== '"') value += mark;
      else if (text[at + 1] === '"') { value += mark; at++; }
      else isQuoted = false;
    } else if (mark === '"' && value === "") isQuoted = true;
    else if (mark === delimiter) endCell();
    else if (mark === "\n" || mark === "\r") {
      if (mark === "\r" && text[at + 1] === "\n") at++;
      endRow();
    } else value += mark;
  }
  if (value !== "" || row.length) endRow();
  return rows;
}

// A file as spreadsheets save it.
function decoded(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder("utf-16le").decode(bytes);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

const hexadecimal = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
