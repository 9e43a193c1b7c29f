// Filters, search and order: what queue and map hold.

let filters = [];                   // see filters.js
let group = null;                   // {by, name}: what a click on the legend shows alone
let orderOf = new Map();            // order of all points by what was sorted by, reused
let lowered;                        // texts in lower case, made at the first search

// Fields a filter can be about: name -> value of a point.
function fields() {
  const found = new Map();
  if (data.text) found.set(header.text, textOf);
  found.set("id", (i) => idOf(i)).set("region", (i) => header.regions[data.region[i]]);
  if (data.name) found.set("label name", nameOf);
  found.set("predicted label", (i) => labelOf(data.predicted[i]));
  for (const { name, values } of data.columns) found.set(name, (i) => values[rowOf(i)]);
  for (const name of MEASURES) if (!found.has(name)) found.set(name, (i) => data[name][i]);
  return found;
}

const isNumeric = (name) => MEASURES.includes(name) || (name === "id" && header.id_is_number) ||
  data.columns.some((column) => column.name === name && column.is_number);

function filter() {
  matching = new Uint8Array(N).fill(1);
  for (const test of tests())
    for (let i = 0; i < N; i++) if (matching[i]) matching[i] = test(i);
}

// What a point has to pass, the cheapest first.
function tests() {
  const [label, suggested, name] = ["label", "suggested", "name"].map((id) => $(id).value && Number($(id).value));
  const show = $("show").value, query = $("search").value.trim().toLowerCase(), known = fields(), found = [];
  if (label !== "") found.push((i) => data.label[i] === label);
  if (name !== "") found.push((i) => data.name[i] === name);
  if (group) {
    const code = groups.names.indexOf(group.name);
    found.push((i) => groups.codes[i] === code);
  }
  if (suggested !== "") found.push((i) => suggestedOf(i) === suggested);
  if (query) {
    lowered ??= data.ids.map((id, row) => `${data.text?.[row] ?? ""}\n${id ?? ""}`.toLowerCase());
    found.push((i) => lowered[rowOf(i)].includes(query));
  }
  if (!["", "suspects"].includes(show)) found.push((i) => shown(show, i));
  for (const one of filters) {
    const valueOf = known.get(one.on);
    if (valueOf) found.push((i) => passes(one, valueOf(i)));
  }
  return found;
}

function shown(show, i) {
  if (show === "differs") return data.label[i] !== data.predicted[i] && !isBlind(i);
  if (show === "disagreed") return disputes(i).length > 0;
  const { decision } = stateOf(i);
  return show === "undecided" ? !decision : show === "decided" ? Boolean(decision) : decision === show;
}

const isNarrowed = () => Boolean(selected || filters.length || group || $("search").value.trim() ||
  ["label", "suggested", "name"].some((id) => $(id).value !== "") || !["", "suspects"].includes($("show").value));

function sortKey(by) {
  if (by === "drawn") return (i) => placeInDraw.get(i);
  if (by === "position") return (i) => data.position[rowOf(i)];
  if (by === "text") return textOf;
  if (by === "label" || by === "predicted") return (i) => labelOf(data[by][i]);
  if (by === "decision") return (i) => stateOf(i).decision;
  if (by.startsWith("column:")) return (i) => data.columns[by.slice(7)].values[rowOf(i)];
  return (i) => data[by.slice(8)][i];
}

// All points, the most telling first: what lasts with many, and so is kept.
function ordered(by, isAscending) {
  const name = `${by} ${isAscending}`;
  if (by !== "decision" && orderOf.has(name)) return orderOf.get(name);
  const keys = Array.from({ length: N }, (_, i) => i).map(sortKey(by));
  const isMissing = (key) => key === null || key === undefined || Number.isNaN(key);
  const sign = isAscending ? 1 : -1;
  const order = Int32Array.from({ length: N }, (_, i) => i).sort((a, b) => {
    const p = keys[a], q = keys[b];
    if (isMissing(p) || isMissing(q)) return isMissing(p) - isMissing(q) || a - b;
    return p < q ? -sign : p > q ? sign : a - b;
  });
  orderOf.set(name, order);
  return order;
}

const isAscending = () => $("direction").value === "ascending";

function relist() {
  const order = ordered($("sort").value, isAscending());
  let among = matching;
  if ($("show").value === "suspects" && !isNarrowed()) {
    among = new Uint8Array(N);
    for (const i of suspects) among[i] = 1;
  }
  list = order.filter((i) => among[i] && (!selected || selected[i]));
  drawHeight();
  cursor = current < 0 ? -1 : list.indexOf(current);
  const what = selected ? "selected" : list.length === N ? UNIT : isNarrowed() ? "match" : drawn ? "of the review" : "suspects";
  $("count").textContent = `${counted(list.length)} ${what}`;
  setTop("queue", 0);
  drawChips();
  refresh();
}

function update() {
  const earlier = matching;
  filter();
  relist();
  drawMatrix();
  if (earlier?.every((is, i) => is === matching[i])) drawLegend();
  else light();
}

function drawChips() {
  const chip = (text, remove) => {
    const button = element("button", undefined, { type: "button", "aria-label": `Remove the filter ${text}` });
    button.append(element("bdi", text.slice(0, 60)), " ✕");
    button.addEventListener("click", () => { remove(); update(); });
    return button;
  };
  $("chips").replaceChildren(...filters.map((one) =>
    chip(described(one), () => { filters = filters.filter((other) => other !== one); })),
  ...(group ? [chip(`${group.title}: ${group.name}`, () => { group = null; })] : []),
  ...(selected ? [chip(`${counted(list.length)} selected`, () => { forgetSelection(); light(); })] : []));
  $("clear").hidden = !isNarrowed();
}

function clearFilters() {
  for (const id of ["label", "suggested", "name", "search"]) $(id).value = "";
  if (!["", "suspects"].includes($("show").value)) $("show").value = "suspects";
  filters = [];
  group = null;
  const had = selected;
  forgetSelection();
  update();
  if (had) light();
}

// ---- adding a filter by hand

function askFilter() {
  const on = $("filter-on").value;
  const numeric = isNumeric(on);
  fill($("filter-is"), [...(numeric ? [["range", "from … to"]] : []), ["contains", "contains"], ["equals", "is exactly"]]);
  askValue();
}

function askValue() {
  const isRange = $("filter-is").value === "range";
  $("filter-high-box").hidden = !isRange;
  $("filter-value").setAttribute("aria-label", isRange ? "From" : "Value");
}

function addFilter(event) {
  event.preventDefault();
  const [on, is, low, high] = ["filter-on", "filter-is", "filter-value", "filter-high"].map((id) => $(id).value);
  const end = (text) => text.trim() === "" || !Number.isFinite(Number(text)) ? null : Number(text);
  if (is === "range" && end(low) === null && end(high) === null) return;
  filters.push({ on, is, value: is === "range" ? [end(low), end(high)] : low });
  $("filter-form").hidden = true;
  $("filter-open").setAttribute("aria-expanded", "false");
  $("filter-value").value = $("filter-high").value = "";
  update();
  $("filter-open").focus();
}

// ---- label x suggested label: where the wrong ones are

const MOST_CELLS = 7;
const HEAVIEST = 20;

function drawMatrix() {
  if ($("matrix").hidden) return;
  const counts = new Map();
  for (let i = 0; i < N; i++) {
    const code = suggestedOf(i);
    const isWrong = data.label[i] !== data.predicted[i];
    if (!isWrong || code < 0) continue;
    const key = data.label[i] * header.labels.length + code;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const pairs = [...counts].sort((a, b) => b[1] - a[1]).slice(0, HEAVIEST)
    .map(([key, n]) => [Math.floor(key / header.labels.length), key % header.labels.length, n]);
  const show = (given, suggested) => {
    $("label").value = given;
    $("suggested").value = suggested;
    $("show").value = "differs";
    update();
  };
  const button = (given, suggested, n, text) => {
    const made = element("button", text, { type: "button", "aria-label":
      `${labelOf(given)}, predicted otherwise, suggested ${labelOf(suggested)}: ${n}` });
    made.style.setProperty("--share", n / pairs[0][2]);
    made.addEventListener("click", () => show(given, suggested));
    return made;
  };
  const body = element("tbody");
  if (header.labels.length <= MOST_CELLS) {
    const head = element("tr");
    head.append(element("th", "label ╲ suggested", { scope: "col" }),
      ...header.labels.map((name) => element("th", name, { scope: "col", dir: "auto" })));
    body.append(head, ...header.labels.map((name, given) => {
      const row = element("tr");
      row.append(element("th", name, { scope: "row", dir: "auto" }), ...header.labels.map((_, suggested) => {
        const n = counts.get(given * header.labels.length + suggested);
        const found = element("td");
        found.append(n ? button(given, suggested, n, counted(n)) : element("span", "·"));
        return found;
      }));
      return row;
    }));
  } else body.append(...pairs.map(([given, suggested, n]) => {
    const row = element("tr"), names = element("td"), found = element("td");
    names.append(element("bdi", labelOf(given)), " › ", element("bdi", labelOf(suggested)));
    found.append(button(given, suggested, n, counted(n)));
    row.append(found, names);
    return row;
  }));
  $("matrix-cells").replaceChildren(body);
  $("matrix-hint").textContent = pairs.length
    ? `Rows predicted other than labelled${header.labels.length > MOST_CELLS ? `, the ${pairs.length} heaviest pairs` : ""}. Click a number to list them.`
    : "No row is predicted other than labelled.";
}
