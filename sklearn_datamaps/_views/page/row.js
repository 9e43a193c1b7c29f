// ---- the current row

function goTo(i, place) {
  current = i;
  cursor = place;
  showCurrent();
  scrollToCursor();
  refresh();
}

function step(by) {
  if (!list.length) return;
  const place = clamp(cursor + by, 0, list.length - 1);
  goTo(list[place], place);
}

function showCurrent() {
  showDetail(current);
  moveRing();
}

function facts(i) {
  const found = [["label", labelOf(data.label[i])], ["predicted", labelOf(data.predicted[i])]];
  if (data.name) found.unshift(["name", header.names[data.name[i]]]);
  found.push(["region", header.regions[data.region[i]]]);
  for (const name of header.measures) found.push([name, rounded(data[name][i])]);
  return found;
}

function listFacts(into, found) {
  into.replaceChildren(...found.flatMap(([name, value]) =>
    [element("dt", name), element("dd", value, { dir: "auto" })]));
}

function showDetail(i) {
  $("hint").hidden = i >= 0;
  $("row").hidden = i < 0;
  if (i < 0) return;
  $("row").dataset.point = i;
  const [decision, label] = decisions.get(i) ?? ["", ""];
  $("row-head").replaceChildren(element("b", `row ${idOf(i) ?? ""}`),
    element("span", decision ? [decision, label].filter(Boolean).join(" → ") : "undecided",
      { class: "decision", "data-decision": decision }));
  const text = $("row-text");
  text.hidden = !data.text;
  text.textContent = textOf(i);
  text.scrollTop = 0;
  const carried = data.columns.map(({ name, values }) => [name, String(values[rowOf(i)] ?? "")]);
  listFacts($("row-values"), [...facts(i), ...carried]);
  drawTrajectory(i);
}

function drawTrajectory(i) {
  const figure = $("row-trajectory");
  figure.replaceChildren();
  figure.hidden = !data.trajectories;
  if (!data.trajectories) return;
  const n = header.n_epochs;
  const p = Array.from(data.trajectories.subarray(i * n, (i + 1) * n), (byte) => byte / 255);
  const [W, H, LEFT, TOP] = [220, 110, 26, 6];
  const x = (k) => LEFT + (n > 1 ? k / (n - 1) : 0.5) * (W - LEFT - 8);
  const y = (v) => TOP + (1 - v) * (H - TOP - 20);
  const svg = (tag, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img",
    "aria-label": `Probability of the own label by epoch: ${p.map((v) => v.toFixed(2)).join(", ")}` });
  for (const v of [0, 0.5, 1]) {
    picture.append(svg("line", { x1: LEFT, x2: W - 4, y1: y(v), y2: y(v), class: "grid" }));
    picture.append(svg("text", { x: LEFT - 4, y: y(v) + 3, "text-anchor": "end" }, String(v)));
  }
  picture.append(svg("polyline", { points: p.map((v, k) => `${x(k)},${y(v)}`).join(" "), class: "line" }));
  p.forEach((v, k) => picture.append(svg("circle", { cx: x(k), cy: y(v), r: n > 30 ? 1.2 : 2.5 })));
  picture.append(svg("text", { x: LEFT, y: H - 4 }, "epoch 1"));
  if (n > 1) picture.append(svg("text", { x: W - 4, y: H - 4, "text-anchor": "end" }, String(n)));
  figure.append(picture);
}

function showTooltip(i, mouse) {
  const tip = $("tooltip");
  const text = textOf(i);
  const words = element("p", text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}…` : text, { dir: "auto" });
  const values = element("dl");
  listFacts(values, facts(i));
  tip.replaceChildren(...(data.text ? [words] : [element("p", `row ${idOf(i) ?? ""}`)]), values);
  tip.hidden = false;
  tip.dataset.point = i;
  const { width, height } = tip.getBoundingClientRect();
  const left = mouse.clientX + 16 + width > innerWidth ? mouse.clientX - 16 - width : mouse.clientX + 16;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${clamp(mouse.clientY - height / 2, 4, innerHeight - height - 4)}px`;
}
