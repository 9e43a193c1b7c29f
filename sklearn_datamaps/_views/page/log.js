// Decisions as a log, of which the last entry can be undone. Needs no browser.
// An entry is what one key did: a list of changes [key of the row, decision, new label,
// note, time, annotator]. All of a row's state stands in its last change.

const DECISIONS = ["", "keep", "relabel", "drop", "unsure"];

function isLog(given) {
  const isChange = (change) => Array.isArray(change) && change.length === 6 &&
    change.every((part) => typeof part === "string") && DECISIONS.includes(change[1]);
  return Array.isArray(given) && given.every((entry) => Array.isArray(entry) && entry.every(isChange));
}

// State of every row that has a decision or a note.
function replayed(log) {
  const states = new Map();
  for (const entry of log)
    for (const [key, decision, label, note, time, annotator] of entry)
      if (decision || note) states.set(key, { decision, label, note, time, annotator });
      else states.delete(key);
  return states;
}
