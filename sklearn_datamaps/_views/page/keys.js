// Which key does what. Needs no browser.

const COMMANDS = { k: "keep", r: "relabel", s: "unsure", d: "drop", u: "undo", x: "clear row",
  m: "note", c: "copies", n: "next", p: "previous", "shift+n": "next undecided", "/": "search",
  "?": "help", t: "take theirs", e: "evidence" };
const MOST_KEYS = 10;     // classes with a key each

// Key of every class: its own name if all are digits, else its place. Two classes need
// none, since relabel can only mean the other; more than ten get the likeliest by place.
function labelKeys(labels) {
  if (labels.length <= 2 || labels.length > MOST_KEYS) return new Map();
  const areDigits = labels.every((label) => /^\d$/.test(label));
  return new Map(labels.map((label, code) => [areDigits ? label : String((code + 1) % 10), code]));
}

function keyName({ key, shiftKey }) {
  const name = key.toLowerCase();
  return shiftKey && /^[a-z]$/.test(name) ? `shift+${name}` : name;
}
