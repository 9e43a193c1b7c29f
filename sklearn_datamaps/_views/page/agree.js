// Decisions of several people: what a file brings to those that are there, and how far
// people agree. Needs no browser.
// A saved page holds {map, saved, annotator, view, decisions}; of each decision the row
// hash, position, label name, decision, new label, note, time and annotator, as texts.

const WIDTH = 8;

function isSaved(given) {
  const isDecision = (one) => Array.isArray(one) && one.length === WIDTH &&
    one.every((part) => typeof part === "string") && DECISIONS.includes(one[3]);
  return ["map", "saved", "annotator"].every((name) => typeof given?.[name] === "string") &&
    typeof given.view === "object" && given.view !== null &&
    Array.isArray(given.decisions) && given.decisions.every(isDecision);
}

// What a page has saved: null if nothing, undefined if the text is no such page.
function savedIn(text) {
  const found = text.match(/<script type="application\/json" id="state">([^<]*)<\/script>/);
  if (!found) return undefined;
  try {
    const given = JSON.parse(found[1]);
    return given === null || isSaved(given) ? given : undefined;
  } catch {
    return undefined;
  }
}

// A time that can be compared: a spreadsheet may have written it anew.
const isTime = (text) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(text);

// Changes of a file that hold beside decisions that are there (key -> state): of rows that
// have none, and those that the same person, by name, made later. All others stand.
function holding(states, changes) {
  return changes.filter(([key, decision, , , time, annotator]) => {
    const own = states.get(key);
    if (!own || (!own.decision && decision && !own.note)) return true;
    return annotator !== "" && annotator === own.annotator && isTime(time) && isTime(own.time) && time > own.time;
  });
}

// The label that a text stands for, as apply_review reads it: a spreadsheet may have written
// FALSE for False, or 1.0 for 1. Undefined if it is none of the labels, nor may be a new one.
function labelMeant(text, { labels, label_is_number, new_labels }) {
  if (labels.includes(text)) return text;
  const isTruth = labels.every((label) => label === "False" || label === "True");
  const folded = (one) => {
    const plain = one.trim().toLowerCase();
    if (label_is_number) return plain.replace(/\.0+$/, "");
    return isTruth ? { 0: "false", 1: "true" }[plain] ?? plain : plain;
  };
  const alike = labels.filter((label) => folded(label) === folded(text));
  if (alike.length) return alike.length === 1 ? alike[0] : undefined;
  return new_labels && !isTruth && text.trim() ? text.trim() : undefined;
}

// What applying a decision makes of a row with the label given; "" of no decision.
function outcome({ decision, label }, given) {
  if (decision === "drop") return "drop";
  if (decision === "keep") return `= ${given}`;
  return decision === "relabel" ? `= ${label}` : "";
}

const disagree = (one, other) => one !== "" && other !== "" && one !== other;

// Of pairs of outcomes, one a row: rows that both decided, those agreed on, and Cohen's
// kappa, which is not defined where both said one and the same of all rows.
function agreement(pairs) {
  const [mine, theirs] = [new Map(), new Map()];
  let n = 0, nAgreed = 0, byChance = 0;
  for (const [one, other] of pairs) {
    if (one === "" || other === "") continue;
    n++;
    nAgreed += one === other;
    mine.set(one, (mine.get(one) ?? 0) + 1);
    theirs.set(other, (theirs.get(other) ?? 0) + 1);
  }
  for (const [one, count] of mine) byChance += count * (theirs.get(one) ?? 0);
  return { n, nAgreed, kappa: n * n > byChance ? (n * nAgreed - byChance) / (n * n - byChance) : NaN };
}

function agreementSaid({ n, nAgreed, kappa }) {
  if (!n) return "no row that both decided";
  const said = Number.isNaN(kappa) ? "not defined, as both gave a single answer" : kappa.toFixed(2);
  return `${counted(n)} ${n === 1 ? "row" : "rows"} both decided, ${percent(nAgreed / n)} agreed, Cohen's kappa ${said}`;
}

// Whether too few rows of a file are here for it to be of this map.
const isForeign = (nFound, nMissing) => nMissing > nFound;
