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
  // None, rather than a label of which there are too few rows to know it.
  const may = data.name ? header.may_suggest[data.name[current]] : header.may_suggest;
  const likely = [data.predicted[current], ...others.map(([code]) => code)]
    .find((code) => code !== own && may[code]);
  $("new-label").value = likely ?? "";
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
    "new_label", "row_hash", ...(header.made_from ? ["made_from"] : [])];
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
      ...(header.made_from ? [cell(header.made_from, false)] : []),
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
