// Start, keys and what the controls do.

const LEFT_OUT = "input:not([type=checkbox], [type=range]), select, textarea";

function viewNow() {
  return {
    filters, group, colour: $("colour").value, sort: $("sort").value, direction: $("direction").value,
    controls: Object.fromEntries(["label", "suggested", "name", "show", "search"].map((id) => [id, $(id).value])),
    current: current < 0 ? null : keyOf(current), letters: $("letters").checked, annotator: $("annotator").value, from: saved?.saved, drawn,
    gallery: $("gallery").getAttribute("aria-pressed") === "true",
  };
}

const keepView = () => storeView(viewNow());

function choose(id, value) {
  if ([...$(id).options].some((option) => option.value === value)) $(id).value = value;
}

// Point to open: that of the last visit, or of a saved page that is opened first.
function restoreView() {
  const kept = loadView();
  const { letters, annotator } = kept;
  const view = !saved || kept.from === saved.saved ? kept
    : { ...saved.view, letters: letters ?? saved.view.letters, annotator: annotator || saved.annotator };
  if (Array.isArray(view.filters)) filters = view.filters.filter(isFilter);
  choose("colour", view.colour);
  // Another order would tell control rows from the others.
  const isOfDraw = (view.drawn ?? "") === drawn;
  for (const id of isOfDraw ? ["sort", "direction"] : []) choose(id, view[id]);
  for (const id of ["label", "suggested", "name", ...(isOfDraw ? ["show"] : [])]) choose(id, view.controls?.[id]);
  for (const [id, value] of [["search", view.controls?.search], ["annotator", view.annotator]])
    if (typeof value === "string") $(id).value = value;
  if (view.letters === false) $("letters").checked = false;
  $("gallery").setAttribute("aria-pressed", String(hasPictures && view.gallery === true));
  groups = grouped($("colour").value);
  if (typeof view.group?.title === "string" && groups.names.includes(view.group.name))
    group = { title: view.group.title, name: view.group.name };
  return isOfDraw ? pointOfKey.get(view.current) ?? -1 : -1;
}

// ---- panes that share a place on narrow screens

function showTab(name) {
  document.body.dataset.tab = name;
  for (const tab of $("tabs").children) tab.setAttribute("aria-pressed", String(tab.dataset.tab === name));
}

function showMatrix(on) {
  $("matrix").hidden = !on;
  $("stage").hidden = $("tools").hidden = $("legend").hidden = $("play-area").hidden = on;
  $("show-map").setAttribute("aria-pressed", String(!on));
  $("show-matrix").setAttribute("aria-pressed", String(on));
  drawMatrix();
}

// ---- keys

const ACTS = {
  keep: () => decide("keep"), drop: () => decide("drop"), unsure: () => decide("unsure"), relabel, undo,
  "clear row": clearRow, note: () => $("note").focus(), next: () => step(1), previous: () => step(-1),
  "next undecided": nextUndecided, search: () => $("search").focus(), help: () => $("help").showModal(),
  "take theirs": () => takeTheirs(),
  evidence: () => showEvidence(!isUnfolded()),
  copies: () => { if (!$("copies-box").hidden) setMode("copies", !MODES.copies); },
};

function labelOfKey(key) {
  return current < 0 ? undefined : offered(current).find(([name]) => name === key)?.[1];
}

function escape() {
  $("tooltip").hidden = true;
  clearSelection();
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.querySelector("dialog[open]")) return;
  const { target, key } = event;
  if (target.matches(LEFT_OUT)) {
    if (key === "Escape") target.blur();
    return;
  }
  const { across, isGallery } = layoutOfQueue();
  const inQueue = { ArrowDown: across, ArrowUp: -across, PageDown: 10 * across, PageUp: -10 * across, Home: -N, End: N,
    ...(isGallery ? { ArrowRight: 1, ArrowLeft: -1 } : {}) }[key];
  const onMap = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  const name = keyName(event);
  const letters = $("letters").checked;
  const code = letters ? labelOfKey(key) : undefined;
  if (target === $("stage") && onMap) walkMap(onMap);
  else if ((target === $("stage") || target === $("epoch")) && key === " ") togglePlay();
  else if (target === $("stage") && "+-0".includes(key)) key === "0" ? wholeMap() : zoom(key === "+" ? 0.7 : 1 / 0.7);
  else if (inQueue && (target === $("queue") || target === document.body)) step(inQueue);
  else if (key === "Escape") escape();
  else if (code !== undefined) giveLabel(code);
  else if (letters && COMMANDS[name]) ACTS[COMMANDS[name]]();
  else return;
  event.preventDefault();
}

function onSearchKey(event) {
  if (event.key === "Escape") {
    $("search").value = "";
    $("search").blur();
  } else if (event.key === "Enter" || event.key === "ArrowDown") $("queue").focus();
  else return;
  event.preventDefault();
  event.stopPropagation();
  update(); openFirst();
}

function openFirst() {
  if (cursor < 0 && list.length) goTo(list[0], 0);
  else if (current >= 0) { drawPlace(); drawEvidence(current); }   // of the same row, what is found in it
}

// ---- controls

function listenToPlot() {
  const plot = $("plot");
  let waiting = 0;   // for the next frame: a mouse can move several times in one
  plot.addEventListener("pointermove", (event) => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => hover(event));
  });
  plot.addEventListener("pointerleave", () => { cancelAnimationFrame(waiting); $("tooltip").hidden = true; });
  for (const moved of ["plotly_relayout", "plotly_relayouting"]) plot.on(moved, moveOverlay);
  plot.addEventListener("pointerdown", startOutline);
  plot.addEventListener("pointerdown", startClick);
  plot.addEventListener("dblclick", clearSelection);
}

function listen() {
  const on = (id, type, act) => $(id).addEventListener(type, act);
  let byPointer = false;
  addEventListener("pointerdown", () => { byPointer = true; }, true);
  addEventListener("keydown", () => { byPointer = false; }, true);
  // A select that was set by hand would take the next key for itself.
  const leave = () => { if (byPointer) $("queue").focus({ preventScroll: true }); };
  for (const id of ["label", "suggested", "name", "show"])
    on(id, "change", () => { update(); openFirst(); leave(); });
  let waiting;
  on("search", "input", () => { clearTimeout(waiting); waiting = setTimeout(() => { update(); openFirst(); }, 200); });
  on("search", "keydown", (event) => { clearTimeout(waiting); onSearchKey(event); });
  on("colour", "change", () => { recolour(); leave(); });
  on("sort", "change", () => { $("direction").value = isDescending() ? "descending" : "ascending"; relist(); leave(); });
  on("direction", "change", () => { relist(); leave(); });
  on("clear", "click", clearFilters);
  on("empty-clear", "click", clearFilters);
  on("filter-open", "click", () => {
    $("filter-form").hidden = !$("filter-form").hidden;
    $("filter-open").setAttribute("aria-expanded", String(!$("filter-form").hidden));
    if (!$("filter-form").hidden) $("filter-on").focus();
  });
  on("filter-on", "change", askFilter);
  on("filter-is", "change", askValue);
  on("filter-form", "submit", addFilter);
  on("lasso", "click", () => useLasso(!hasLasso));
  on("reset", "click", wholeMap);
  listenToPlay();
  on("show-map", "click", () => showMatrix(false));
  on("show-matrix", "click", () => showMatrix(true));
  for (const tab of $("tabs").children) tab.addEventListener("click", () => showTab(tab.dataset.tab));
  on("map-row", "click", () => showTab("row"));
  for (const id of ["keep", "drop", "unsure"]) on(id, "click", () => decide(id));
  on("relabel", "click", relabel);
  on("evidence-open", "click", () => showEvidence(!isUnfolded()));
  on("clear-row", "click", clearRow);
  on("undo", "click", undo);
  on("next", "click", () => step(1));
  on("previous", "click", () => step(-1));
  on("note", "change", saveNote);
  on("copies", "change", () => setMode("copies", $("copies").checked));
  on("many", "change", () => setMode("many", $("many").checked));
  on("pick-text", "input", drawPick);
  on("pick-text", "keydown", onPickKey);
  on("pick-list", "click", (event) => {
    const made = event.target.closest("[data-option]");
    if (made) giveLabel(options[Number(made.dataset.option)]);
  });
  on("save", "click", saveReview);
  on("save-page", "click", savePage);
  on("compare", "click", () => $("compare-file").click());
  on("compare-file", "change", () => { compareAll([...$("compare-file").files]).then(() => { $("compare-file").value = ""; }); });
  on("save-more", "keydown", (event) => {
    if (event.key !== "Escape" || !$("save-more").open) return;
    $("save-more").open = false;
    $("save-more").firstElementChild.focus();
  });
  addEventListener("pointerdown", ({ target }) => { if (!target.closest("#save-more")) $("save-more").open = false; });
  listenToDrops();
  on("export", "click", () => download("selection.csv", list));
  on("load", "click", () => $("file").click());
  on("file", "change", () => { if ($("file").files[0]) loadReview($("file").files[0]); $("file").value = ""; });
  on("letters", "change", keepView);
  on("annotator", "change", keepView);
  on("help-open", "click", () => $("help").showModal());
  on("queue", "click", clickQueue);
  on("gallery", "click", () => { showGallery($("gallery").getAttribute("aria-pressed") === "false"); keepView(); });
  on("queue", "scroll", drawQueue);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { drawLegend(); draw(); });
  document.addEventListener("keydown", onKey);
  addEventListener("storage", (event) => {
    if (event.key !== STORE) return;
    loadLog();
    replay();
    refresh();
  });
  addEventListener("beforeunload", (event) => { if (!isKept && log.length > nSaved) event.preventDefault(); });
}

const isDescending = () => header.descending.includes($("sort").value.replace(/^measure:/, ""));

function fillControls() {
  const all = (names) => [["", "any"], ...(names ?? []).map((name, code) => [code, name])];
  fill($("colour"), colourOptions());
  fill($("label"), all(header.labels));
  fill($("suggested"), all(header.labels));
  $("name-box").hidden = !data.name;
  $("gallery").hidden = !hasPictures;
  fill($("name"), all(header.names));
  fill($("show"), [["suspects", drawn ? "the review" : "suspects"], ["", `all ${UNIT}`], ["differs", "predicted ≠ label"],
    ["undecided", "undecided"], ["decided", "decided"], ["keep", "keep"], ["relabel", "relabel"],
    ["drop", "drop"], ["unsure", "unsure"]]);
  fill($("sort"), [...MEASURES.map((name) => [`measure:${name}`, name]),
    ...(drawn ? [["drawn", "as in the review"]] : []), ["position", "row"], ...(data.text ? [["text", "text"]] : []), ["label", "label"],
    ["predicted", "predicted label"], ["decision", "decision"],
    ...header.columns.map(({ name }, k) => [`column:${k}`, name])]);
  $("sort").value = drawn ? "drawn" : `measure:${header.by}`;
  $("direction").value = isDescending() ? "descending" : "ascending";
  suspects = ordered($("sort").value, isAscending()).slice(0, placeInDraw.size || header.n_suspects);
  fill($("filter-on"), [...fields().keys()].map((name) => [name, name]));
  askFilter();
}

// What the browser has painted is seen; what is only in the document is not. A page that
// nobody looks at, in a tab behind others, is not painted: it is made ready nevertheless.
const painted = () => new Promise((done) => {
  requestAnimationFrame(() => setTimeout(done));
  setTimeout(done, 500);
});

async function start() {
  for (const text of header.notes) $("notes").append(element("span", `${text} `));
  $("notes-box").hidden = !header.notes.length;
  await readAll();
  await readEvidence();
  for (let i = 0; i < N; i++) pointOfKey.set(keyOf(i), i);
  loadLog();
  if (header.has_review) {
    const bytes = new Uint8Array(await (await unpack("review")).arrayBuffer());
    const entries = entriesIn(decoded(bytes));
    const { changes, nMissing } = changesOf(entries);
    before = [changes];
    adoptDraw(entries);
    $("loaded").textContent = `${counted(changes.length)} earlier decisions are in.` +
      (nMissing ? ` ${counted(nMissing)} are of rows that are not in this map.` : "");
  }
  openSaved();
  replay();
  fillControls();
  const last = restoreView();
  filter();
  current = last;
  watchSize("queue", () => { drawHeight(); drawQueue(); });
  watchSize("plot", () => {
    if (!isMapSeen()) return;
    moveOverlay();
    Plotly.Plots.resize("plot");
  });
  relist();
  goTo(...(last >= 0 ? [last, list.indexOf(last)] : [list[0] ?? -1, list.length ? 0 : -1]));
  sayOpened();
  listen();
  document.documentElement.dataset.state = "drawing";   // the row can be read
  await painted();
  (0, eval)(await (await unpack("plotly")).text());
  await draw();
  light();
  listenToPlot();
  $("wait").hidden = true;
  document.documentElement.dataset.state = "ready";
}

start().catch((error) => {
  warn(`The map cannot be shown: ${error.message}`);
  document.documentElement.dataset.state = "failed";
  throw error;
});
