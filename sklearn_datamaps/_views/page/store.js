// What this browser keeps for this map: the log of decisions, and the view.

const STORE = `sklearn-datamaps:decisions:${header.hash}`;
const VIEW = `sklearn-datamaps:view:${header.hash}`;
let log = [];                       // see log.js
let before = [];                    // decisions of the review that the page was made with
let nSaved = 0;                     // entries of the log that a saved file has
let isKept = true;                  // whether the browser keeps decisions
let mayStore = true;                // not where that would destroy what is kept already

function warn(text) {
  $("bar").hidden = false;
  $("bar").textContent = text;
}

function loadLog() {
  let kept;
  try {
    kept = localStorage.getItem(STORE);
  } catch {
    isKept = false;
    warn("This browser keeps nothing for this page: save review.csv before you leave.");
    return;
  }
  try {
    const read = kept === null ? [] : JSON.parse(kept);
    if (!isLog(read)) throw new TypeError();
    log = read;
  } catch {
    keepDamaged(kept);
  }
}

// The next decision takes the place of what cannot be read: not before there is a copy.
function keepDamaged(kept) {
  const going = "Load your last review.csv to go on from there.";
  try {
    let copy = `${STORE}:damaged`;
    for (let k = 2; ![null, kept].includes(localStorage.getItem(copy)); k++) copy = `${STORE}:damaged:${k}`;
    localStorage.setItem(copy, kept);
    warn("What this browser kept of your decisions is damaged and was left out. " +
      `A copy is in the local storage of this browser, named ${copy}. ${going}`);
  } catch {
    mayStore = false;
    isKept = false;
    warn("What this browser kept of your decisions is damaged, and there is no room for a copy of it: " +
      `it stays as it is, and nothing new is kept. Save review.csv before you leave. ${going}`);
  }
}

function storeLog() {
  if (!mayStore) return;
  try {
    localStorage.setItem(STORE, JSON.stringify(log));
    isKept = true;
  } catch {
    isKept = false;
    warn("This browser has no room for your decisions: save review.csv before you leave.");
  }
}

function loadView() {
  try {
    const view = JSON.parse(localStorage.getItem(VIEW));
    return view && typeof view === "object" ? view : {};
  } catch {
    return {};   // a view is made again in a moment
  }
}

function storeView(view) {
  try {
    localStorage.setItem(VIEW, JSON.stringify(view));
  } catch { /* said of the decisions */ }
}
