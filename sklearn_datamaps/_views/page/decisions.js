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
  $("forecast").textContent = forecastSaid(forecast(wrong, drawOf()));
}

// How the rows at random were drawn, by rank.
function drawOf() {
  const [, n, nRandom] = drawn.match(/^(\d+)\+(\d+) seed /) ?? [];
  if (!n) return undefined;
  return { n: Number(n), nRandom: Number(nRandom), ranks: new Set([...placeInDraw.keys()].map((i) => data.rank[i])) };
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

let isDue = false;

// Once for all that one key did.
function refresh() {
  if (isDue) return;
  isDue = true;
  queueMicrotask(() => {
    isDue = false;
    drawProgress();
    drawDecide();
    drawOthers();
    drawQueue();
    keepView();
  });
}

function drawProgress() {
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
  $("finished").textContent = `All ${counted(suspects.length)} ${drawn ? "rows of the review" : "suspects"} read: ${counted(nWrong)} wrong. ` +
    "Save review.csv and apply it.";
}

// ---- files

function csv(points) {
  const { time, note, annotator } = header.decision_columns;
  const textName = data.text ? [header.text] : [];
  const labelName = data.name ? ["label_name"] : [];
  const head = ["id", "position", ...labelName, ...textName, ...header.columns.map((c) => c.name),
    "label", "predicted", "confidence", "variability", "correctness", "region", "decision",
    "new_label", time, note, annotator, "row_hash", ...(drawn ? ["drawn"] : []), ...(header.made_from ? ["made_from"] : [])];
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
      ...(drawn ? [cell(drawn, false)] : []),
      ...(header.made_from ? [cell(header.made_from, false)] : []),
    ].join(","));
  }
  return lines.join("\r\n") + "\r\n";
}

function hashOf(row) {
  const width = data.hashes.length / data.position.length;
  return hexadecimal(data.hashes.subarray(row * width, (row + 1) * width));
}

function offer(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type: `${type};charset=utf-8` }));
  const link = element("a", "", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

const download = (name, points) => offer(name, csv(points), "text/csv");

function saveReview() {
  download("review.csv", [...decisions.keys()].sort((a, b) => a - b));
  nSaved = log.length;
}

// Rows of a review, or of a page saved with decisions, as they stand in it.
function entriesIn(text) {
  const [head, ...lines] = parseCsv(text.replace(/^\uFEFF/, ""));
  const names = (head ?? []).map((name) => name.trim());
  for (const needed of ["decision", "new_label", "row_hash"])
    if (!names.includes(needed)) throw new Error(`it has no column ${needed}`);
  const { time, note, annotator } = header.decision_columns;
  const at = Object.entries({ hash: "row_hash", position: "position", name: "label_name", decision: "decision",
    label: "new_label", note, time, annotator, words: data.text ? header.text : "id", drawn: "drawn" })
    .map(([field, name]) => [field, names.indexOf(name)]);
  return lines.map((line) => {
    const entry = Object.fromEntries(at.map(([field, k]) => [field, k < 0 ? "" : unguarded(line[k] ?? "")]));
    return { ...entry, hash: entry.hash.trim(), decision: entry.decision.trim().toLowerCase() };
  });
}

const entriesOf = ({ decisions }) => decisions.map(([hash, position, name, decision, label, note, time, annotator]) =>
  ({ hash, position, name, decision, label, note, time, annotator, words: "", drawn: "" }));

let byHash, byWords;                // hash, or text and label -> points; made at the first need

const wordsOf = (words, name, label) => `${name}:${label}\u0000${words.replace(/\r\n?/g, "\n")}`;

// The point of an entry by its row hash, among equal ones by its position.
function pointOf({ hash, position, name }, key = `${hash}:${name}`, map = byHash) {
  const found = map.get(key);
  return found?.length > 1 ? found.find((i) => String(data.position[rowOf(i)]) === position) : found?.[0];
}

function indexRows() {
  if (byHash) return;
  [byHash, byWords] = [new Map(), new Map()];
  const add = (map, key, i) => map.has(key) ? map.get(key).push(i) : map.set(key, [i]);
  for (let i = 0; i < N; i++) {
    add(byHash, `${hashOf(rowOf(i))}:${nameOf(i)}`, i);
    add(byWords, wordsOf(data.text ? textOf(i) : String(idOf(i)), nameOf(i), labelOf(data.label[i])), i);
  }
}

// Changes that a review makes, and how many of its decisions are of no row here. One that
// was relabelled and applied since has another hash: its text and its new label tell it.
function changesOf(entries) {
  indexRows();
  const changes = [];
  let nMissing = 0;
  for (const entry of entries) {
    const { decision, label, note, time, annotator, name, words } = entry;
    if (!DECISIONS.includes(decision) || !(decision || note)) continue;
    const isRelabel = decision === "relabel";
    const meant = isRelabel ? labelMeant(label, header) : "";
    let i = pointOf(entry);
    if (i === undefined && isRelabel && words) i = pointOf(entry, wordsOf(words, name, meant ?? label), byWords);
    if (i === undefined || meant === undefined) { nMissing++; continue; }
    // To relabel to the label that stands there is to keep it.
    const isKept = isRelabel && meant === labelOf(data.label[i]);
    changes.push([keyOf(i), ...(isKept ? ["keep", ""] : [decision, meant]), note, time, annotator]);
  }
  return { changes, nMissing };
}

// A review with control rows is read in its order, and its rows are judged unseen.
function adoptDraw(entries) {
  const tags = new Set(entries.map((entry) => entry.drawn));
  if (tags.size !== 1 || tags.has("")) return;
  indexRows();
  placeInDraw = new Map(entries.map((entry, place) => [pointOf(entry), place]));
  placeInDraw.delete(undefined);
  if (placeInDraw.size) [drawn] = tags;
}
