// ---- filters, selection, order: what the list holds

function filter() {
  const [region, label, name] = ["region", "label", "name"].map((id) => $(id).value);
  const show = $("show").value;
  const query = $("search").value.trim().toLowerCase();
  let found = null;
  if (query) {
    const ids = data.ids;
    found = Uint8Array.from({ length: ids.length }, (_, row) =>
      (data.text?.[row] ?? "").toLowerCase().includes(query) || String(ids[row] ?? "").toLowerCase().includes(query));
  }
  matching = Uint8Array.from({ length: N }, (_, i) =>
    (region === "" || data.region[i] === Number(region)) &&
    (label === "" || data.label[i] === Number(label)) &&
    (name === "" || data.name[i] === Number(name)) &&
    (!found || found[rowOf(i)]) && shown(show, i));
}

function shown(show, i) {
  if (show === "") return true;
  if (show === "differs") return data.label[i] !== data.predicted[i];
  const decision = decisions.get(i)?.[0];
  return show === "undecided" ? !decision : show === "decided" ? Boolean(decision) : decision === show;
}

function sortKey(i) {
  const by = $("sort").value;
  if (by === "position") return data.position[rowOf(i)];
  if (by === "text") return textOf(i);
  if (by === "label" || by === "predicted") return labelOf(data[by][i]);
  if (by === "decision") return decisions.get(i)?.[0] ?? "";
  if (by.startsWith("column:")) return data.columns[by.slice(7)].values[rowOf(i)];
  return data[by.slice(8)][i];
}

function relist() {
  const points = [];
  for (let i = 0; i < N; i++) if (matching[i] && (!selected || selected[i])) points.push(i);
  const keys = new Array(N);
  for (const i of points) keys[i] = sortKey(i);
  const isMissing = (key) => key === null || key === undefined || Number.isNaN(key);
  const sign = ascending ? 1 : -1;
  points.sort((a, b) => {
    const p = keys[a], q = keys[b];
    if (isMissing(p) || isMissing(q)) return isMissing(p) - isMissing(q) || a - b;
    return p < q ? -sign : p > q ? sign : a - b;
  });
  list = Int32Array.from(points);
  listed = new Uint8Array(N);
  for (const i of list) listed[i] = 1;
  cursor = current < 0 ? -1 : list.indexOf(current);
  const what = selected ? "selected" : list.length < N ? "match" : UNIT;
  $("count").textContent = `${counted(list.length)} ${what}`;
  $("scroll").scrollTop = 0;
  drawHead();
  refresh();
}

function update() {
  filter();
  relist();
  return draw();
}

// ---- table: only the rows in sight are in the document

function tableColumns() {
  const columns = [["position", "row", (i) => String(idOf(i) ?? "")]];
  columns.push(["decision", "decision", (i) => (decisions.get(i) ?? [""]).filter(Boolean).join(" → ")]);
  if (data.name) columns.push(["", "name", (i) => header.names[data.name[i]]]);
  if (data.text) columns.push(["text", "text", (i) => textOf(i).slice(0, SHOWN_TEXT)]);
  columns.push(["label", "label", (i) => labelOf(data.label[i])]);
  columns.push(["predicted", "predicted", (i) => labelOf(data.predicted[i])]);
  const by = $("sort").value;
  const measures = ["confidence", "variability", "correctness"];
  if (by.startsWith("measure:") && !measures.includes(by.slice(8))) measures.push(by.slice(8));
  for (const name of measures) columns.push([`measure:${name}`, name, (i) => rounded(data[name][i])]);
  if (by.startsWith("column:")) {
    const { name, values } = data.columns[by.slice(7)];
    columns.push([by, name, (i) => String(values[rowOf(i)] ?? "").slice(0, SHOWN_TEXT)]);
  }
  return columns;
}

function drawHead() {
  $("columns").replaceChildren(...tableColumns().map(([by, name]) => {
    const head = element("th", undefined, { scope: "col", "data-by": by });
    if (!by) head.textContent = name;
    else {
      const isSorted = by === $("sort").value;
      head.setAttribute("aria-sort", isSorted ? (ascending ? "ascending" : "descending") : "none");
      const button = element("button", name + (isSorted ? (ascending ? " ↑" : " ↓") : ""),
        { type: "button", "aria-label": `Sort by ${name}` });
      button.addEventListener("click", () => sortBy(by, isSorted ? !ascending : true));
      head.append(button);
    }
    return head;
  }));
}

function sortBy(by, up) {
  $("sort").value = by;
  ascending = up;
  $("direction").textContent = up ? "ascending" : "descending";
  $("direction").setAttribute("aria-pressed", String(up));
  relist();
}

function drawRows() {
  const scroll = $("scroll");
  const first = Math.max(0, Math.floor(scroll.scrollTop / ROW_HEIGHT) - 5);
  const last = Math.min(list.length, first + Math.ceil(scroll.clientHeight / ROW_HEIGHT) + 10);
  const columns = tableColumns();
  const spacer = (n) => {
    const row = element("tr", undefined, { "aria-hidden": "true", class: "spacer" });
    const gap = element("td", undefined, { colspan: columns.length });
    gap.style.height = `${n * ROW_HEIGHT}px`;
    row.append(gap);
    return row;
  };
  const rows = [spacer(first)];
  for (let at = first; at < last; at++) {
    const i = list[at];
    const row = element("tr", undefined, { id: `row-${at}`, role: "row", "aria-rowindex": at + 2,
      "aria-selected": String(i === current), "data-point": i });
    for (const [by, , show] of columns)
      row.append(element("td", show(i), { role: "gridcell", "data-by": by, dir: "auto" }));
    row.addEventListener("click", () => goTo(i, at));
    rows.push(row);
  }
  rows.push(spacer(list.length - last));
  $("rows").replaceChildren(...rows);
  $("table").setAttribute("aria-rowcount", list.length + 1);
  if (cursor >= first && cursor < last) $("table").setAttribute("aria-activedescendant", `row-${cursor}`);
  else $("table").removeAttribute("aria-activedescendant");
}

function scrollToCursor() {
  if (cursor < 0) return;
  const scroll = $("scroll");
  const top = cursor * ROW_HEIGHT;
  const room = scroll.clientHeight - 2 * ROW_HEIGHT;
  if (top < scroll.scrollTop || top > scroll.scrollTop + room) scroll.scrollTop = Math.max(0, top - room / 2);
}
