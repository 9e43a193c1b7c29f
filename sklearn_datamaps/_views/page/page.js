// ---- start

function note(text) {
  $("notes").append(element("span", `${text} `));
}

function setTheme(isDark) {
  dark = isDark;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  $("theme").setAttribute("aria-pressed", String(dark));
}

function pointOf(event) {
  const { curveNumber, pointNumber } = event.points[0];
  return traces[curveNumber][pointNumber];
}

function listenToPlot() {
  const plot = $("plot");
  plot.on("plotly_hover", (event) => showTooltip(pointOf(event), event.event));
  plot.on("plotly_unhover", () => { $("tooltip").hidden = true; });
  plot.on("plotly_click", (event) => {
    const i = pointOf(event);
    goTo(i, list.indexOf(i));
  });
  for (const moved of ["plotly_relayout", "plotly_relayouting"]) plot.on(moved, moveOverlay);
  plot.addEventListener("pointerdown", startOutline);
  plot.addEventListener("dblclick", clearSelection);
}

const KEYS = {
  k: () => decide("keep"), d: () => decide("drop"), r: askLabel, u: undo,
  n: () => step(1), p: () => step(-1),
  "/": () => $("search").focus(), escape: clearSelection,
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const target = event.target;
  if (target.matches("input[type=search], select, textarea")) {
    if (event.key === "Escape") target.blur();
    return;
  }
  const inTable = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -N, End: N }[event.key];
  if (inTable && target === $("table")) step(inTable);
  else if (KEYS[event.key.toLowerCase()]) KEYS[event.key.toLowerCase()]();
  else return;
  event.preventDefault();
}

function listen() {
  for (const id of ["region", "label", "name", "show"]) $(id).addEventListener("change", update);
  let waiting;
  $("search").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(update, 200); });
  $("colour").addEventListener("change", () => { groups = grouped($("colour").value); draw(); });
  $("sort").addEventListener("change", () => sortBy($("sort").value, ascending));
  $("direction").addEventListener("click", () => sortBy($("sort").value, !ascending));
  $("clear").addEventListener("click", () => {
    for (const id of ["region", "label", "name", "show", "search"]) $(id).value = "";
    forgetSelection();
    update();
  });
  $("drag").addEventListener("change", (event) => {
    useTool(event.target.value);
  });
  $("reset").addEventListener("click", () => {
    Plotly.relayout("plot", { "xaxis.range": layout.xaxis.range.slice(), "yaxis.range": [-0.03, 1.03] });
  });
  $("theme").addEventListener("click", () => { setTheme(!dark); draw(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
    setTheme(event.matches);
    draw();
  });
  for (const [id, by] of [["next", 1], ["previous", -1]]) $(id).addEventListener("click", () => step(by));
  for (const id of ["keep", "drop"]) $(id).addEventListener("click", () => decide(id));
  $("relabel").addEventListener("click", askLabel);
  $("undo").addEventListener("click", undo);
  $("relabel-confirm").addEventListener("click", relabel);
  $("relabel-cancel").addEventListener("click", () => $("relabel-dialog").close());
  $("new-label").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    relabel();
  });
  $("save").addEventListener("click", () => download("review.csv", decidedPoints()));
  $("export").addEventListener("click", () => download("selection.csv", list));
  $("help-open").addEventListener("click", () => $("help").showModal());
  $("scroll").addEventListener("scroll", drawRows);
  new ResizeObserver(drawRows).observe($("scroll"));
  new ResizeObserver(() => Plotly.Plots.resize("plot").then(moveOverlay)).observe($("plot"));
  document.addEventListener("keydown", onKey);
  addEventListener("storage", (event) => {
    if (event.key !== STORE) return;
    load();
    refresh();
  });
}

function fillControls() {
  fill($("colour"), colourOptions());
  fill($("region"), [["", "all"], ...header.regions.map((name, code) => [code, name])]);
  fill($("label"), [["", "all"], ...header.labels.map((name, code) => [code, name])]);
  $("name-box").hidden = !data.name;
  fill($("name"), [["", "all"], ...(header.names ?? []).map((name, code) => [code, name])]);
  fill($("show"), [["", `all ${UNIT}`], ["differs", "predicted ≠ label"], ["undecided", "undecided"],
    ["decided", "decided"], ["keep", "keep"], ["relabel", "relabel"], ["drop", "drop"]]);
  fill($("sort"), [...MEASURES.map((name) => [`measure:${name}`, name]),
    ["position", "row"], ...(data.text ? [["text", "text"]] : []), ["label", "label"],
    ["predicted", "predicted label"], ["decision", "decision"],
    ...header.columns.map(({ name }, k) => [`column:${k}`, name])]);
}

async function start() {
  header.notes.forEach(note);
  setTheme(matchMedia("(prefers-color-scheme: dark)").matches);
  await readAll();
  for (let i = 0; i < N; i++) pointOfKey.set(keyOf(i), i);
  load();
  fillControls();
  (0, eval)(await (await unpack("plotly")).text());
  groups = grouped("correctness");
  await update();
  listenToPlot();
  listen();
  document.documentElement.dataset.state = "ready";
}

start().catch((error) => {
  note(`The map cannot be shown: ${error.message}`);
  document.documentElement.dataset.state = "failed";
  throw error;
});
