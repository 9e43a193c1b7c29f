// The page saved with its decisions: itself again, with one block of data filled in.

const shell = document.documentElement.cloneNode(true);   // before anything changes
let saved = null;                   // what this page was saved with, see agree.js
let beside = [];                    // changes of it that one's own decisions stand against

function stateNow() {
  const decided = [...decisions.keys()].sort((a, b) => a - b);
  return {
    map: header.hash, saved: new Date().toISOString().slice(0, 19) + "Z", annotator: $("annotator").value,
    view: viewNow(),
    decisions: decided.map((i) => {
      const { decision, label, note, time, annotator } = stateOf(i);
      return [hashOf(rowOf(i)), String(data.position[rowOf(i)]), nameOf(i), decision, label, note, time, annotator];
    }),
  };
}

function savePage() {
  const page = shell.cloneNode(true);
  // No "<" in it, which could end the script element.
  page.querySelector("#state").textContent = JSON.stringify(stateNow()).replaceAll("<", "\\u003c");
  const name = decodeURIComponent(location.pathname).match(/([^/]+?)(-decided[^/]*)?\.html?$/i)?.[1] ?? "map";
  const who = $("annotator").value.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
  offer(`${name}-decided${who ? `-${who}` : ""}.html`, `<!DOCTYPE html>\n${page.outerHTML}`, "text/html");
  nSaved = log.length;
  $("save-more").open = false;
  say("The page is saved with its decisions.");
}

// A page opened with decisions. They lie below one's own for this map; what the same
// person decided later in the file is put on top, where it can be undone.
function openSaved() {
  const given = JSON.parse($("state").textContent);
  if (given === null) return;
  if (!isSaved(given)) {
    warn("The decisions saved in this page are damaged and were left out.");
    return;
  }
  saved = given;
  const { changes } = changesOf(entriesOf(saved));
  const own = replayed(log);
  const later = holding(own, changes).filter(([key]) => own.has(key));
  before.push(changes);
  if (later.length) {
    log.push(later);
    storeLog();
  }
  const isLater = new Set(later.map(([key]) => key));
  beside = changes.filter(([key]) => own.has(key) && !isLater.has(key));
}

function sayOpened() {
  if (!saved) return;
  const n = saved.decisions.filter((one) => one[3]).length;
  const who = saved.annotator ? ` by ${saved.annotator}` : "";
  tell(`Saved with ${counted(n)} ${n === 1 ? "decision" : "decisions"}${who}, ${saved.saved.replace("T", " ").replace(/:\d\dZ$/, " UTC")}.`);
  const other = sourceOf(saved.annotator || "the saved page", beside);
  if ([...other.states.keys()].some((i) => disagrees(other, i))) addOther(other);
}
