// Deciding, undoing, and the files of decisions.

const decisions = new Map();        // point -> {decision, label, note, time, annotator}
const pointOfKey = new Map();
const UNDECIDED = { decision: "", label: "", note: "" };
const MODES = { copies: false, many: false };   // whom else the next decision is about

const keyOf = (i) => `${data.position[rowOf(i)]}` + (data.name ? `:${data.name[i]}` : "");
const stateOf = (i) => decisions.get(i) ?? UNDECIDED;

function replay() {
  decisions.clear();
  for (const [key, state] of replayed([...before, ...log]))
    if (pointOfKey.has(key)) decisions.set(pointOfKey.get(key), state);
  drawForecast();
}

let forecast;                       // see progress.js; made at the first need

function drawForecast() {
  const wrong = new Map();
  for (const [i, { decision }] of decisions)
    if (decision && decision !== "unsure") wrong.set(data.rank?.[i], decision !== "keep");
  $("forecast").hidden = !data.chance || !wrong.size;
  if ($("forecast").hidden) return;
  forecast ??= forecaster(data.chance, header.forecast);
  $("forecast").textContent = forecastSaid(forecast(wrong));
}

// One entry of the log: one undo.
function record(changes) {
  const now = new Date().toISOString().slice(0, 19) + "Z";
  log.push(changes.map(([i, decision, label, note]) =>
    [keyOf(i), decision, label, note, now, $("annotator").value]));
  replay();
  storeLog();
}

let copyOfText;                     // lowered text -> points

function copiesOf(i) {
  if (!data.text) return [];
  const folded = (text) => text.trim().toLowerCase();
  if (!copyOfText) {
    copyOfText = new Map();
    for (let k = 0; k < N; k++) {
      const text = folded(textOf(k));
      if (text === "") continue;
      if (copyOfText.has(text)) copyOfText.get(text).push(k);
      else copyOfText.set(text, [k]);
    }
  }
  const all = copyOfText.get(folded(textOf(i))) ?? [];
  return all.filter((k) => k !== i && (!data.name || data.name[k] === data.name[i]));
}

function targets() {
  if (MODES.many && selected) return Array.from(list);
  return [current, ...(MODES.copies ? copiesOf(current) : [])];
}

// What a decision means for one of the points: a copy that has the right label is kept.
function meant(i, decision, code) {
  if (decision === "keep" && data.label[i] !== data.label[current] && !MODES.many)
    return ["relabel", labelOf(data.label[current])];
  if (decision !== "relabel") return [decision, ""];
  const label = typeof code === "string" ? code : labelOf(code);
  return label === labelOf(data.label[i]) ? ["keep", ""] : ["relabel", label];
}

// code: of the new label, a text that is none of the labels, or "flip".
function decide(decision, code = -1) {
  if (current < 0) return;
  const points = targets();
  record(points.map((i) => {
    const flipped = 1 - data.label[MODES.many ? i : current];   // copies get one label
    const [what, label] = meant(i, decision, code === "flip" ? flipped : code);
    return [i, what, label, stateOf(i).note];
  }));
  const { decision: what, label } = stateOf(current);
  const done = `${points.length > 1 ? `${counted(points.length)} ${UNIT}: ` : ""}${[what, label].filter(Boolean).join(" ")}`;
  const wasMany = MODES.many;
  setMode("many", false);
  if (!wasMany && cursor >= 0 && cursor < list.length - 1) step(1, done);
  else goTo(current, cursor, done);
}

function clearRow() {
  if (current < 0 || !decisions.has(current)) return;
  record([[current, "", "", ""]]);
  goTo(current, cursor, "cleared");
}

function undo() {
  const last = log.pop();
  if (!last) return;
  nSaved = Math.min(nSaved, log.length);
  replay();
  storeLog();
  const i = pointOfKey.get(last[0]?.[0]);
  if (i === undefined || last.length > 1) goTo(current, cursor, "undone");
  else goTo(i, list.indexOf(i), "undone");
}

function setMode(name, on) {
  MODES[name] = on;
  $(name).checked = on;
}

function nextUndecided() {
  for (let k = 1; k <= list.length; k++) {
    const place = (cursor + k) % list.length;
    if (!stateOf(list[place]).decision) { goTo(list[place], place); return; }
  }
  say("All rows of the list are decided.");
}

function saveNote() {
  const { decision, label, note } = stateOf(current);
  if ($("note").value !== note) record([[current, decision, label, $("note").value]]);
  refresh();
}

function refresh() {
  let nRead = 0, nWrong = 0;
  for (const i of suspects) {
    const { decision } = stateOf(i);
    nRead += decision !== "";
    nWrong += decision === "relabel" || decision === "drop";
  }
  const beyond = [...decisions.values()].filter(({ decision }) => decision).length - nRead;
  $("progress").textContent = `${counted(nRead)} of ${counted(suspects.length)} read` +
    (nRead ? `, ${counted(nWrong)} wrong` : "") + (beyond ? `, ${counted(beyond)} beyond` : "");
  $("read-bar").value = nRead / suspects.length;
  $("finished").hidden = nRead < suspects.length;
  $("finished").textContent = `All ${counted(suspects.length)} suspects read: ${counted(nWrong)} wrong. ` +
    "Save review.csv and apply it.";
  drawDecide();
  drawQueue();
}

// ---- files

function csv(points) {
  const { time, note, annotator } = header.decision_columns;
  const textName = data.text ? [header.text] : [];
  const labelName = data.name ? ["label_name"] : [];
  const head = ["id", "position", ...labelName, ...textName, ...header.columns.map((c) => c.name),
    "label", "predicted", "confidence", "variability", "correctness", "region", "decision",
    "new_label", time, note, annotator, "row_hash", ...(header.made_from ? ["made_from"] : [])];
  const lines = [head.map((name) => cell(name, false)).join(",")];
  for (const i of points) {
    const row = rowOf(i);
    const state = { time: "", annotator: "", ...stateOf(i) };
    lines.push([
      cell(data.ids[row], header.id_is_number),
      String(data.position[row]),
      ...(data.name ? [cell(nameOf(i), false)] : []),
      ...(data.text ? [cell(data.text[row], false)] : []),
      ...data.columns.map((column) => cell(column.values[row], column.is_number)),
      cell(labelOf(data.label[i]), header.label_is_number),
      cell(labelOf(data.predicted[i]), header.label_is_number),
      decimal(data.confidence[i]), decimal(data.variability[i]), decimal(data.correctness[i]),
      header.regions[data.region[i]], state.decision, cell(state.label, header.label_is_number),
      state.time, cell(state.note, false), cell(state.annotator, false), hashOf(row),
      ...(header.made_from ? [cell(header.made_from, false)] : []),
    ].join(","));
  }
  return lines.join("\r\n") + "\r\n";
}

function hashOf(row) {
  const width = data.hashes.length / data.position.length;
  return hexadecimal(data.hashes.subarray(row * width, (row + 1) * width));
}

function download(name, points) {
  const url = URL.createObjectURL(new Blob([csv(points)], { type: "text/csv;charset=utf-8" }));
  const link = element("a", "", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function saveReview() {
  download("review.csv", [...decisions.keys()].sort((a, b) => a - b));
  nSaved = log.length;
}

// Changes that a review makes, and how many of its decisions are of no row here. A row
// is found by its hash, among equal ones by its position. One that was relabelled and
// applied since has another hash: its text and its new label tell it.
function changesOf(text) {
  const [head, ...lines] = parseCsv(text.replace(/^\uFEFF/, ""));
  const names = (head ?? []).map((name) => name.trim());
  for (const needed of ["decision", "new_label", "row_hash"])
    if (!names.includes(needed)) throw new Error(`it has no column ${needed}`);
  const byHash = new Map(), byText = new Map();
  const add = (map, key, i) => map.has(key) ? map.get(key).push(i) : map.set(key, [i]);
  const told = (words, label) => `${label}\u0000${words.replace(/\r\n?/g, "\n")}`;
  for (let i = 0; i < N; i++) {
    add(byHash, `${hashOf(rowOf(i))}:${nameOf(i)}`, i);
    add(byText, told(data.text ? textOf(i) : String(idOf(i)), `${nameOf(i)}:${labelOf(data.label[i])}`), i);
  }
  const { time, note, annotator } = header.decision_columns;
  const changes = [];
  let nMissing = 0;
  for (const line of lines) {
    const of = (name) => names.includes(name) ? unguarded(line[names.indexOf(name)] ?? "") : "";
    const decision = of("decision").trim().toLowerCase();
    if (!DECISIONS.includes(decision) || !(decision || of(note))) continue;
    const pick = (found) => found?.length > 1
      ? found.find((i) => String(data.position[rowOf(i)]) === of("position")) : found?.[0];
    let i = pick(byHash.get(`${of("row_hash").trim()}:${of("label_name")}`));
    let state = [decision, decision === "relabel" ? of("new_label") : ""];
    if (i === undefined && decision === "relabel") {
      i = pick(byText.get(told(of(data.text ? header.text : "id"), `${of("label_name")}:${of("new_label")}`)));
      state = ["keep", ""];
    }
    if (i === undefined) nMissing++;
    else changes.push([keyOf(i), ...state, of(note), of(time), of(annotator)]);
  }
  return [changes, nMissing];
}

async function loadReview(file) {
  try {
    const [changes, nMissing] = changesOf(decoded(new Uint8Array(await file.arrayBuffer())));
    log.push(changes);
    replay();
    storeLog();
    const gone = nMissing ? `; ${counted(nMissing)} are of rows that are not in this map` : "";
    goTo(current, cursor, `${counted(changes.length)} decisions loaded${gone}`);
    $("loaded").textContent = `${counted(changes.length)} decisions loaded from ${file.name}${gone}.`;
  } catch (error) {
    $("loaded").textContent = `${file.name} is no review of this page: ${error.message}. Choose a review.csv.`;
  }
}
