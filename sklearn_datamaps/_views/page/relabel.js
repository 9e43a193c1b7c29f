// Which label is the right one: a key a class, or a few letters of its name.

const keys = labelKeys(header.labels);          // key -> code
const SHOWN_LIKELY = 5;                         // of many classes, by the keys 1 to 5
const MOST_OPTIONS = 8;                         // of the type-ahead
let recent = [];                                // labels given last, newest first
let options = [];                               // of the type-ahead: codes or a new text
let option = 0;                                 // the one that Enter takes

const isBinary = header.labels.length === 2;

// [key, code, probability] of the labels that one key gives to this row.
function offered(i) {
  if (isBinary) return [];
  if (keys.size) {
    const share = new Map(likely(i));
    return [...keys].map(([, code]) => [[...keys.keys()][code], code, share.get(code) ?? NaN]);
  }
  return likely(i).slice(0, SHOWN_LIKELY).map(([code, share], k) => [String(k + 1), code, share]);
}

function drawDecide() {
  const none = current < 0;
  for (const id of ["keep", "relabel", "drop", "unsure", "clear-row", "note"]) $(id).disabled = none;
  $("undo").disabled = log.length === 0;
  $("save").disabled = decisions.size === 0;
  if (none) return;
  const { decision, label, note, annotator, time } = stateOf(current);
  const is = (id, what) => $(id).setAttribute("aria-pressed", String(decision === what));
  for (const id of ["keep", "relabel", "drop", "unsure"]) is(id, id);
  $("relabel-to").textContent = isBinary ? `→ ${short(labelOf(1 - data.label[current]))}` : "other…";
  $("verdict").textContent = decision
    ? [decision, label].filter(Boolean).join(" → ") + (annotator ? ` by ${annotator}` : "") : "undecided";
  $("verdict").title = time ?? "";
  $("verdict").dataset.decision = decision;
  if (document.activeElement !== $("note")) $("note").value = note;
  const suggested = suggestedOf(current);
  $("labels").hidden = isBinary;
  $("labels").replaceChildren(...offered(current).map(([key, code, share]) => {
    const given = code === data.label[current];
    const button = element("button", undefined, { type: "button", "data-code": code, "data-key": key,
      "aria-pressed": String(decision === "relabel" && label === labelOf(code)), "data-suggested": String(code === suggested) });
    button.append(element("kbd", key), " ", element("bdi", labelOf(code)),
      ...(Number.isNaN(share) ? [] : [element("small", ` ${percent(share)}`)]),
      ...(given ? [element("small", " given")] : []),
      ...(code === suggested ? [element("span", " suggested", { class: "unseen" })] : []));
    button.addEventListener("click", () => giveLabel(code));
    return button;
  }));
  const nCopies = copiesOf(current).length;
  $("copies-box").hidden = !nCopies;
  $("copies-text").textContent = `also ${counted(nCopies)} ${nCopies === 1 ? "copy" : "copies"}`;
  $("many-box").hidden = !selected || list.length < 2;
  $("many-text").textContent = `all ${counted(list.length)} selected`;
}

function giveLabel(code) {
  recent = [code, ...recent.filter((other) => other !== code)].slice(0, SHOWN_LIKELY);
  closePick();
  decide("relabel", code);
}

function relabel() {
  if (current < 0) return;
  if (isBinary) { decide("relabel", "flip"); return; }
  $("pick").hidden = false;
  $("pick-text").value = "";
  drawPick();
  $("pick-text").focus();
}

function closePick() {
  if ($("pick").hidden) return;
  $("pick").hidden = true;
  $("queue").focus({ preventScroll: true });
}

function drawPick() {
  const typed = $("pick-text").value.trim();
  const own = data.label[current];
  const first = likely(current).map(([code]) => code);
  // What is likeliest comes first: Enter alone accepts the suggestion.
  const all = [...new Set([...first.slice(0, 1), ...recent, ...first, ...header.labels.keys()])];
  const holds = (code) => labelOf(code).toLowerCase().includes(typed.toLowerCase());
  const begins = (code) => labelOf(code).toLowerCase().startsWith(typed.toLowerCase());
  const found = all.filter((code) => typeof code === "number" && code !== own && holds(code));
  if (typed) found.sort((a, b) => begins(b) - begins(a));
  options = found.slice(0, MOST_OPTIONS);
  if (header.new_labels && typed && !header.labels.includes(typed)) options.push(typed);
  option = 0;
  $("pick-list").replaceChildren(...options.map((code, k) => {
    const made = element("div", undefined, { role: "option", id: `pick-${k}`, "data-option": k });
    made.append(element("bdi", typeof code === "string" ? `new label: ${code}` : labelOf(code)));
    return made;
  }));
  $("pick-none").hidden = options.length > 0;
  moveOption(0);
}

function moveOption(by) {
  option = clamp(option + by, 0, Math.max(0, options.length - 1));
  for (const [k, made] of [...$("pick-list").children].entries())
    made.setAttribute("aria-selected", String(k === option));
  if (options.length) $("pick-text").setAttribute("aria-activedescendant", `pick-${option}`);
  else $("pick-text").removeAttribute("aria-activedescendant");
}

function onPickKey(event) {
  const act = { ArrowDown: () => moveOption(1), ArrowUp: () => moveOption(-1), Escape: closePick,
    Enter: () => { if (options.length) giveLabel(options[option]); } }[event.key];
  if (!act || event.isComposing) return;
  act();
  event.preventDefault();
  event.stopPropagation();
}
