// Decisions of others beside one's own: from files, for as long as the page is open. None
// of one's own changes before "take theirs".

let people = [];                    // {name, states: point -> state}
let told = [];                      // lines that stay until they are closed

// Decisions of a file, a review or a page, as entries that changesOf finds the rows of.
async function readDecisions(file) {
  const text = decoded(new Uint8Array(await file.arrayBuffer()));
  const found = savedIn(text);
  if (found === null) throw new Error("it is a page without decisions: use its \u201cSave page with decisions\u201d");
  if (found === undefined && /^\s*<(!doctype|html)/i.test(text))
    throw new Error("it is a web page, but none saved with decisions");
  const entries = found ? entriesOf(found) : entriesIn(text);
  const { changes, nMissing } = changesOf(entries);
  if (!changes.length && !nMissing) throw new Error("it has no decision yet");
  if (isForeign(changes.length, nMissing))
    throw new Error(`it is of another map: ${counted(nMissing)} of its ${counted(changes.length + nMissing)} decided rows are not here, by their row hashes`);
  return { changes, nMissing };
}

// Who decided, by the file: several people, if they say so.
function sourceOf(fallback, changes) {
  const names = [...new Set(changes.map((change) => change[5]).filter(Boolean))];
  const states = new Map([...replayed([changes])].map(([key, state]) => [pointOfKey.get(key), state]));
  return { name: names.length ? names.slice(0, 3).join(", ") : fallback, states };
}

const outcomeOf = (state, i) => outcome(state, labelOf(data.label[i]));
const disagrees = ({ states }, i) => states.has(i) && disagree(outcomeOf(stateOf(i), i), outcomeOf(states.get(i), i));
const disputes = (i) => people.filter((other) => disagrees(other, i));
const whose = ({ name, states }, i) => states.get(i).annotator || name;

function addOther(other) {
  people = [...people.filter(({ name }) => name !== other.name), other];
  if (![...$("show").options].some(({ value }) => value === "disagreed"))
    $("show").append(element("option", "disagreed", { value: "disagreed" }));
  drawOthers();
  drawQueue();
}

function removeOther(other) {
  people = people.filter((one) => one !== other);
  if (!people.length) {
    const wasShown = $("show").value === "disagreed";
    [...$("show").options].find(({ value }) => value === "disagreed")?.remove();
    if (wasShown) { $("show").value = "suspects"; update(); openFirst(); }
  }
  drawOthers();
  drawQueue();
}

async function compareWith(file) {
  try {
    const { changes, nMissing } = await readDecisions(file);
    addOther(sourceOf(file.name, changes));
    if (nMissing) tell(`${counted(nMissing)} decisions of ${file.name} are of rows that are not in this map.`);
  } catch (error) {
    tell(`${file.name} cannot be compared: ${error.message}. Take a page saved with decisions or a review.csv of this map.`);
  }
}

async function compareAll(files) {
  $("save-more").open = false;
  told = [];
  for (const file of files) await compareWith(file);
}

// One's own earlier file: it fills in, and overwrites nothing.
async function loadReview(file) {
  try {
    const { changes, nMissing } = await readDecisions(file);
    const filling = holding(new Map([...decisions].map(([i, state]) => [keyOf(i), state])), changes);
    const left = changes.filter((change) => !filling.includes(change));
    if (filling.length) {
      log.push(filling);
      replay();
      storeLog();
    }
    const other = sourceOf(file.name, left);
    const nStand = [...other.states.keys()].filter((i) => disagrees(other, i)).length;
    if (nStand) addOther(other);
    const gone = nMissing ? `; ${counted(nMissing)} are of rows that are not in this map` : "";
    const stand = nStand ? `; of ${counted(nStand)} rows that you decided otherwise yours stand` : "";
    goTo(current, cursor, `${counted(filling.length)} decisions loaded${gone}`);
    $("loaded").textContent = `${counted(filling.length)} decisions loaded from ${file.name}${gone}${stand}.`;
  } catch (error) {
    $("loaded").textContent = `${file.name} is no review of this page: ${error.message}. Choose a review.csv.`;
  }
}

// ---- taking theirs: one step of the log, so that one undo takes it back

function taken(i, { decision, label, note }) {
  return [i, decision, label, stateOf(i).note || note];
}

// Whether theirs can be taken: not where a row is to be judged unseen, and is not yet.
function isTakeable({ states }, i) {
  const theirs = states.has(i) ? outcomeOf(states.get(i), i) : "";
  return theirs !== "" && theirs !== outcomeOf(stateOf(i), i) && !isUnseen(i);
}

const isUnseen = (i) => isBlind(i) && !stateOf(i).decision;

function takeTheirs(other = people.find((one) => isTakeable(one, current))) {
  if (current < 0 || !other) { say("Nobody decided otherwise here."); return; }
  record([taken(current, other.states.get(current))]);
  const done = `taken from ${whose(other, current)}`;
  if (cursor >= 0 && cursor < list.length - 1) step(1, done);
  else goTo(current, cursor, done);
}

const untouched = (other) => [...other.states.keys()].filter((i) => !stateOf(i).decision && isTakeable(other, i));

function takeRest(other) {
  const points = untouched(other);
  record(points.map((i) => taken(i, other.states.get(i))));
  goTo(current, cursor, `${counted(points.length)} decisions taken from ${other.name}`);
}

// ---- what is shown of them

function tell(text) {
  told = [...told, text];
  drawOthers();
  say(text);
}

function drawOthers() {
  const button = (text, act, attributes = {}) => {
    const made = element("button", text, { type: "button", ...attributes });
    made.addEventListener("click", act);
    return made;
  };
  const line = (text, buttons, close) => {
    const made = element("li"), words = element("span", text, { dir: "auto" });
    made.append(words, ...buttons, button("✕", close, { class: "close", "aria-label": `Close: ${text}` }));
    return made;
  };
  $("others").replaceChildren(
    ...told.map((text) => line(text, [], () => { told = told.filter((one) => one !== text); drawOthers(); })),
    ...people.map((other) => {
      const points = [...other.states.keys()];
      const found = agreement(points.map((i) => [outcomeOf(stateOf(i), i), outcomeOf(other.states.get(i), i)]));
      const [nOff, nRest] = [found.n - found.nAgreed, untouched(other).length];
      const buttons = [];
      if (nOff) buttons.push(button(`Show ${counted(nOff)} disagreed`, showDisputed, { "data-act": "disagreed" }));
      if (nRest) buttons.push(button(`Take ${counted(nRest)} where I have none`, () => takeRest(other), { "data-act": "rest" }));
      return line(`You and ${other.name}: ${agreementSaid(found)}.`, buttons, () => removeOther(other));
    }));
  $("others").hidden = !told.length && !people.length;
  drawBeside();
}

function showDisputed() {
  $("show").value = "disagreed";
  update(); openFirst();
}

// Beside the row. Of a row that is to be judged unseen nothing, until it is.
function drawBeside() {
  const i = current;
  const saying = i < 0 || isUnseen(i) ? []
    : people.filter(({ states }) => states.get(i)?.decision || states.get(i)?.note);
  $("row-others").hidden = !saying.length;
  const meaning = ({ decision, label }) => [decision || "undecided", label].filter(Boolean).join(" → ");
  $("row-others").replaceChildren(...saying.map((other) => {
    const state = other.states.get(i), made = element("p");
    const isOff = disagrees(other, i);
    made.dataset.disagrees = isOff;   // for the style
    const said = element("span");
    said.append(element("bdi", whose(other, i), { class: "who" }), ": ", element("bdi", meaning(state)),
      ...(state.note ? [" · ", element("bdi", state.note)] : []));
    made.append(said, element("small", isOff ? `you: ${meaning(stateOf(i))}` : stateOf(i).decision ? "as you" : ""));
    if (isTakeable(other, i)) {
      const take = element("button", undefined, { type: "button", class: "take" });
      take.append(element("kbd", "T"), " take theirs");
      take.addEventListener("click", () => takeTheirs(other));
      made.append(take);
    }
    return made;
  }));
}

// ---- a file dropped anywhere

function listenToDrops() {
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (on) => document.body.toggleAttribute("data-drop", on);
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(true);
  });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) mark(false); });
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    mark(false);
    compareAll([...event.dataTransfer.files]);
  });
}
