// Why a label may be wrong: a sentence, and what it rests on.

// ---- words in a text. Needs no browser.

const MOST_MARKS = 100;             // in one text

// Where the words of the evidence stand, as [start, end, weight], none in another. A word
// can be several: what stands between them is no letter.
function wordSpans(text, words) {
  const spans = [];
  for (const [word, weight] of words) {
    const parts = word.trim().split(/\s+/).map((part) => part.replace(/[.*+?^${}()|[\]\\\/-]/g, "\\$&"));
    if (!parts[0]) continue;
    const pattern = new RegExp(`(?<![\\p{L}\\p{N}_])${parts.join("[^\\p{L}\\p{N}_]+")}(?![\\p{L}\\p{N}_])`, "giu");
    let n = 0;
    for (const { index, 0: found } of text.matchAll(pattern)) {
      spans.push([index, index + found.length, weight]);
      if (++n === MOST_MARKS) break;
    }
  }
  spans.sort((a, b) => a[0] - b[0] || Math.abs(b[2]) - Math.abs(a[2]));
  const kept = [];
  for (const span of spans) if (!kept.length || span[0] >= kept.at(-1)[1]) kept.push(span);
  return kept;
}

// ---- drawing

const NOTHING = { near: [], words: [], likely: [] };
let evidenceOf = new Map();         // point -> what there is of it

// The text of the row with what is searched for marked, or the words of the evidence.
function markedText(i) {
  const text = textOf(i), query = $("search").value.trim();
  const words = isUnfolded() ? foundOf(i)?.words ?? [] : [];
  if (query || !words.length) return withHits(text, query);
  const parts = [];
  let at = 0;
  for (const [start, end, weight] of wordSpans(text, words)) {
    parts.push(text.slice(at, start), markOf(text.slice(start, end), weight));
    at = end;
  }
  return [...parts, text.slice(at)];
}

const markOf = (word, weight) => element("mark", word, { class: weight < 0 ? "against" : "for" });
const isUnfolded = () => !$("evidence").hidden;
// Of a row that is to be judged unseen, nothing.
const foundOf = (i) => isBlind(i) ? undefined : evidenceOf.get(i);

function showEvidence(on) {
  $("evidence").hidden = !on;
  $("evidence-open").setAttribute("aria-expanded", String(on));
  if (current >= 0) drawEvidence(current);
}

function drawEvidence(i) {
  const found = foundOf(i);
  $("evidence-open").hidden = isBlind(i);
  if (found) $("row-why").textContent = found.says;
  $("row-why").classList.toggle("says", Boolean(found));
  $("row-text").replaceChildren(...markedText(i));
  if (!isUnfolded()) return;
  if (isBlind(i)) { $("evidence").replaceChildren($("row-why").textContent); return; }
  const { near, words } = found ?? NOTHING;
  const parts = [drawBars(i, found)];
  for (const [kind, title] of [["another label", "Nearest with another label"],
    ["copy", "Copies with another label"], ["same label", "Nearest with this label"]]) {
    const those = near.filter(([of]) => of === kind);
    if (those.length) parts.push(drawNear(title, those, i));
  }
  if (words.length) parts.push(drawWords(words));
  parts.push(element("p", found ? "Evidence of a model, no proof." : whyNoEvidence(), { class: "caveat" }));
  if (!evidenceOf.size) parts.at(-1).append(" ",
    element("code", "data_map.explore(path, evidence=explain_rows(estimator, X, y, rows))"));
  $("evidence").replaceChildren(...parts.filter(Boolean));
}

const whyNoEvidence = () => evidenceOf.size
  ? `No reasons of this row: the page has those of ${counted(evidenceOf.size)} others.`
  : "This page has no neighbours and words. Add them:";

// The most probable labels: of the map, where it knows, or of the model that was asked.
function probable(i, found) {
  const known = others(i).filter(([, share]) => !Number.isNaN(share));
  if (!known.length) return (found?.likely ?? []).map(([name, share]) => [name, share, name === ownName(i)]);
  return [[ownName(i), data.confidence[i], true], ...known.map(([code, share]) => [labelOf(code), share, false])]
    .sort((a, b) => b[1] - a[1]).slice(0, 3);
}

const ownName = (i) => labelOf(data.label[i]);

function drawBars(i, found) {
  const rows = probable(i, found);
  if (!rows.length) return null;
  const list = element("ul", undefined, { class: "bars", "aria-label": "Most probable labels" });
  for (const [name, share, isGiven] of rows) {
    const entry = element("li"), bar = element("span", undefined, { class: "bar", "aria-hidden": "true" });
    bar.style.setProperty("--share", share);
    const told = element("span", undefined, { class: "bar-name" });
    told.append(element("bdi", short(name)), ...(isGiven ? [element("small", " given")] : []));
    entry.append(told, bar, element("span", percent(share), { class: "bar-share" }));
    list.append(entry);
  }
  return list;
}

// A neighbour that is in the page is one click away.
function drawNear(title, those, i) {
  const box = element("section");
  const entries = element("ul", undefined, { class: "near" });
  for (const [, row, label, reason] of those) {
    const point = pointOfKey.get(`${row}${data.name ? `:${data.name[i]}` : ""}`);
    const words = point !== undefined && data.text ? textOf(point)
      : reason.slice(label.length + 2);   // "label: words", of a row that is not here
    const entry = element("li"), made = element("button", undefined, { type: "button" });
    made.append(element("b", short(label), { dir: "auto" }), " ",
      element("bdi", words.length > SHOWN_TEXT ? `${words.slice(0, SHOWN_TEXT)}…` : words));
    made.disabled = point === undefined;
    made.addEventListener("click", () => goTo(point, list.indexOf(point)));
    entry.append(made);
    entries.append(entry);
  }
  box.append(element("h3", title), entries);
  return box;
}

function drawWords(words) {
  const box = element("p", undefined, { class: "words-of-row" });
  for (const [test, title] of [[(w) => w < 0, "against the label"], [(w) => w > 0, "for it"]]) {
    const those = words.filter(([, weight]) => test(weight));
    if (!those.length) continue;
    const group = element("span");
    group.append(element("small", title), ...those.flatMap(([word, weight]) => [" ", markOf(word, weight)]));
    box.append(group);
  }
  return box;
}

async function readEvidence() {
  if (!header.has_evidence) return;
  const found = await (await unpack("evidence")).json();
  evidenceOf = new Map(found.map((one) => [one.point, one]));
}
