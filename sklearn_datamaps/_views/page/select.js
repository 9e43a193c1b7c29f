// The lasso: drawn over the map, and the points looked up once it is closed.
// Plotly's own would dim every point anew at each movement of the mouse.

let hasLasso = false;               // whether dragging draws one; else it moves the map
let outlines = [];                  // corners of each, [variability, confidence]

const CLICK = 5;                    // pixels of movement that are still a click

// Where a place of the map is on the stage, in pixels, and back.
function toStage([variability, confidence]) {
  const { l, r, t, b } = MARGIN;
  const { xaxis, yaxis } = $("plot").layout, { width, height } = sizes.get("plot");
  const share = (value, [low, high]) => (value - low) / (high - low);
  return [l + share(variability, xaxis.range) * (width - l - r), t + (1 - share(confidence, yaxis.range)) * (height - t - b)];
}

function toMap([x, y]) {
  const { l, r, t, b } = MARGIN;
  const { xaxis, yaxis } = $("plot").layout, { width, height } = sizes.get("plot");
  const at = (share, [low, high]) => low + clamp(share, 0, 1) * (high - low);
  return [at((x - l) / (width - l - r), xaxis.range), at(1 - (y - t) / (height - t - b), yaxis.range)];
}

function onStage(event) {
  const { left, top } = $("plot").getBoundingClientRect();
  return [event.clientX - left, event.clientY - top];
}

function isInAxes([x, y]) {
  const { width, height } = sizes.get("plot");
  return x >= MARGIN.l && x <= width - MARGIN.r && y >= MARGIN.t && y <= height - MARGIN.b;
}

function startOutline(event) {
  const first = onStage(event);
  if (event.button !== 0 || !event.isPrimary || !isInAxes(first)) return;
  if (!hasLasso) return;
  const path = [first];
  const listening = new AbortController();
  const corners = () => path.map(toMap);
  const on = (type, handle) => addEventListener(type, handle, { signal: listening.signal });
  let isClick = true;
  on("pointermove", (moved) => {
    const [x, y] = onStage(moved);
    if (isClick && Math.hypot(x - first[0], y - first[1]) < CLICK) return;
    isClick = false;
    path.push([x, y]);
    $("tooltip").hidden = true;
    drawOutlines([...(event.shiftKey ? outlines : []), corners()]);
  });
  on("pointerup", () => {
    listening.abort();
    if (!isClick) select(corners(), event.shiftKey);
  });
  on("pointercancel", () => {
    listening.abort();
    drawOutlines(outlines);
  });
}

function select(corners, adds) {
  const found = enclosed(corners);
  if (adds && selected) found.forEach((is, i) => { found[i] = is || selected[i]; });
  outlines = adds ? [...outlines, corners] : [corners];
  selected = found;
  drawOutlines(outlines);
  relist();
  light();
}

// Points that are drawn and inside, by the even-odd rule.
function enclosed(corners) {
  const [xs, ys] = [0, 1].map((k) => Float64Array.from(corners, (corner) => corner[k]));
  const [left, right, bottom, top] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const found = new Uint8Array(N);
  for (let i = 0; i < N; i++) {
    const [x, y] = placeOf(i);
    if (!matching[i] || x < left || x > right || y < bottom || y > top) continue;
    let isInside = false;
    for (let a = 0, b = xs.length - 1; a < xs.length; b = a++)
      if ((ys[a] > y) !== (ys[b] > y) &&
          x < xs[a] + (xs[b] - xs[a]) * (y - ys[a]) / (ys[b] - ys[a])) isInside = !isInside;
    found[i] = isInside;
  }
  return found;
}

function drawOutlines(drawn) {
  const path = (corners) => `M${corners.map((at) => toStage(at).join(",")).join("L")}Z`;
  $("outline").firstElementChild.setAttribute("d", drawn.map(path).join(""));
}

function forgetSelection() {
  selected = null;
  setMode("many", false);
  outlines = [];
  drawOutlines(outlines);
}

function clearSelection() {
  if (!selected) return;
  forgetSelection();
  relist();
  light();
}

// On a touch screen a drag scrolls the page.
const dragMode = () => hasLasso || matchMedia("(pointer: coarse)").matches ? false : "pan";

function useLasso(on) {
  hasLasso = on;
  $("lasso").setAttribute("aria-pressed", String(on));
  $("stage").dataset.lasso = on;
  layout.dragmode = dragMode();
  Plotly.relayout("plot", { dragmode: layout.dragmode });
}

// The ring round the current row is ours: moving a shape would draw every point again.
function moveRing() {
  const ring = $("ring");
  if (!isMapSeen()) return;
  ring.hidden = current < 0 || isBlind(current);
  if (!ring.hidden) {
    const [x, y] = toStage(placeOf(current));
    ring.hidden = !isInAxes([x, y]);
    ring.style.left = `${x}px`;
    ring.style.top = `${y}px`;
  }
  drawTrail();
}

function moveOverlay() {
  if (!isMapSeen()) return;
  moveRing();
  drawFrame();
  drawLit();
  drawOutlines(outlines);
}
