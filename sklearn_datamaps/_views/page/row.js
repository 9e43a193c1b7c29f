// The current row: its text first, then what the map knows of it.

function goTo(i, place, done = "") {
  if (i !== current) setMode("copies", false);
  current = i;
  cursor = place;
  drawRow();
  moveRing();
  scrollToCursor();
  refresh();
  if (i >= 0) say(`${done ? `${done}. ` : ""}Row ${idOf(i) ?? ""}, ${place < 0 ? "not in the list" :
    `${place + 1} of ${list.length}`}: ${textOf(i).slice(0, SHOWN_TEXT)} ${labelOf(data.label[i])}`);
}

function step(by, done = "") {
  if (!list.length) return;
  const place = cursor < 0 ? 0 : clamp(cursor + by, 0, list.length - 1);
  goTo(list[place], place, done);
}

function facts(i) {
  if (isBlind(i)) return [];
  const found = [["label", labelOf(data.label[i])], ["predicted", labelOf(data.predicted[i])]];
  if (data.name) found.unshift(["name", nameOf(i)]);
  found.push(["region", header.regions[data.region[i]]]);
  for (const name of MEASURES) found.push([name, rounded(data[name][i])]);
  return found;
}

// Each pair in its own box, so that a value from right to left stays by its term.
function listFacts(into, found) {
  into.replaceChildren(...found.map(([name, value]) => {
    const pair = element("div"), said = element("dd");
    said.append(element("bdi", value));
    pair.append(element("dt", name), said);
    return pair;
  }));
}

// A "?" behind every word that the help explains; it opens the help there.
function markTerms(within) {
  for (const word of within.querySelectorAll("dt, [data-term]")) {
    const name = word.dataset.term ?? word.textContent, told = $(`term-${name}`);
    if (!told) continue;
    const ask = element("button", "", { type: "button", class: "term", "aria-label": `What is ${name}?` });
    ask.addEventListener("click", () => {
      $("help").showModal();
      told.focus();
    });
    word.append(ask);
  }
}

function drawRow() {
  const i = current;
  $("row").hidden = i < 0;
  if (i < 0) return;
  $("row").dataset.point = i;
  drawPlace();
  $("row-name").textContent = `row ${idOf(i) ?? ""}`;
  const text = $("row-text");
  text.hidden = !data.text;
  setTop("row-text", 0);
  drawPicture(i);
  drawGiven(i);
  drawEvidence(i);
  drawLabelChips(i);
  const carried = data.columns.map(({ name, values }) => [name, String(values[rowOf(i)] ?? "")]);
  listFacts($("row-values"), [...facts(i), ...carried]);
  markTerms($("row-body"));
  drawTrajectory(i);
  setTop("row-body", 0);
  $("map-row").textContent = `Read: ${data.text ? textOf(i).slice(0, 90) : `row ${idOf(i)}`}`;
}

function drawPlace() {
  $("row-place").textContent = cursor < 0 ? "not in the list" : `${counted(cursor + 1)} of ${counted(list.length)}`;
}

function drawGiven(i) {
  const [code, share] = likely(i)[0] ?? [-1];
  const line = [element("span", data.name ? "given for " : "given "),
    ...(data.name ? [element("bdi", nameOf(i)), " "] : []), element("b", labelOf(data.label[i]), { dir: "auto" })];
  if (code >= 0) line.push(element("span", " › suggested", { "data-term": "suggested" }), " ", element("b", labelOf(code), { class: "suggested", dir: "auto" }));
  if (code >= 0 && !Number.isNaN(share)) line.push(element("span", ` (${percent(share)})`));
  const right = Math.round(data.correctness[i] * header.n_epochs);
  const why = `The model gave the label ${percent(data.confidence[i])} on average and was right in ` +
    `${right} of ${header.n_epochs} epoch${header.n_epochs > 1 ? "s" : ""}; ${header.regions[data.region[i]]} to learn.`;
  $("row-given").replaceChildren(...line);
  $("row-why").textContent = isBlind(i) ? "What the model says is hidden: this review measures how many labels are wrong." : why;
}

// Several labels a row: one chip each, the current cell pressed in.
function drawLabelChips(i) {
  $("row-labels").hidden = !data.name;
  if (!data.name) return;
  const cells = [];
  for (let k = i; k >= 0 && rowOf(k) === rowOf(i); k--) cells.unshift(k);
  for (let k = i + 1; k < N && rowOf(k) === rowOf(i); k++) cells.push(k);
  $("row-labels").replaceChildren(...cells.map((k) => {
    const state = stateOf(k);
    const isOn = (state.label || labelOf(data.label[k])) === labelOf(1);
    const chip = element("button", undefined, { type: "button", "data-on": String(isOn),
      "aria-current": String(k === i), "data-decided": String(state.decision !== "") });
    chip.append(isOn ? "✓ " : "", element("bdi", nameOf(k)));
    chip.addEventListener("click", () => goTo(k, list.indexOf(k)));
    return chip;
  }));
}

function drawTrajectory(i) {
  const figure = $("row-trajectory");
  figure.replaceChildren();
  figure.hidden = !data.trajectories || isBlind(i);
  if (figure.hidden) return;
  const n = header.n_epochs;
  const p = curveOf(data.trajectories, n, i);
  const [W, H, LEFT, TOP] = [360, 120, 26, 8];
  const x = (k) => LEFT + (n > 1 ? k / (n - 1) : 0.5) * (W - LEFT - 8);
  const y = (v) => TOP + (1 - v) * (H - TOP - 22);
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
    picture.append(svg("text", { x: LEFT - 4, y: y(v) + 4, "text-anchor": "end" }, String(v)));
  }
  picture.append(svg("polyline", { points: p.map((v, k) => `${x(k)},${y(v)}`).join(" "), class: "line" }));
  p.forEach((v, k) => picture.append(svg("circle", { cx: x(k), cy: y(v), r: n > 30 ? 1.2 : 2.5 })));
  picture.append(svg("text", { x: LEFT, y: H - 4 }, "probability of the label, epoch 1"));
  if (n > 1) picture.append(svg("text", { x: W - 4, y: H - 4, "text-anchor": "end" }, String(n)));
  figure.append(picture);
}

function showTooltip(i, mouse) {
  const tip = $("tooltip");
  const text = textOf(i);
  const words = element("p", text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}…` : text, { dir: "auto" });
  const values = element("dl");
  listFacts(values, facts(i));
  const others = underneath(i).length - 1;
  tip.replaceChildren(...pictureOf(i), ...(data.text ? [words] : [element("p", `row ${idOf(i) ?? ""}`)]), values,
    ...(others ? [element("p", `${counted(others)} more at this place: click again for the next.`)] : []));
  tip.hidden = false;
  tip.dataset.point = i;
  const { width, height } = tip.getBoundingClientRect();
  const left = mouse.clientX + 16 + width > innerWidth ? mouse.clientX - 16 - width : mouse.clientX + 16;
  tip.style.left = `${Math.max(4, left)}px`;
  tip.style.top = `${clamp(mouse.clientY - height / 2, 4, Math.max(4, innerHeight - height - 4))}px`;
}
