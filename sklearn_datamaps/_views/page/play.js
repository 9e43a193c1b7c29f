// Playing the training: where every point was after each epoch, and how it got there.

// ---- what was known after an epoch. Needs no browser.

// A probability is a whole number of steps, in one byte or two; one number more stands
// for an epoch in which the row was not recorded.
const stepsOf = (stored) => stored.BYTES_PER_ELEMENT === 2 ? 65534 : 254;

// Probabilities of one row, in the epochs that it was recorded in.
function curveOf(stored, nEpochs, i) {
  const steps = stepsOf(stored);
  return Array.from(stored.subarray(i * nEpochs, (i + 1) * nEpochs)).filter((step) => step <= steps)
    .map((step) => step / steps);
}

// Mean and population deviation of every row up to an epoch, stored as [row][epoch]. The
// sums are whole numbers, so nothing is lost to rounding.
function momentsUpTo(stored, nEpochs, epoch) {
  const n = stored.length / nEpochs, steps = stepsOf(stored);
  const mean = new Float32Array(n), deviation = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    let count = 0, sum = 0, squares = 0;
    for (let k = i * nEpochs, end = k + epoch; k < end; k++) {
      const step = stored[k];
      if (step > steps) continue;
      count++;
      sum += step;
      squares += step * step;
    }
    mean[i] = sum / (count * steps);
    deviation[i] = Math.sqrt(count * squares - sum * sum) / (count * steps);
  }
  return [mean, deviation];
}

// In which epochs a row was right: as many as are known, those with the highest
// probability. Exact of two outcomes, where right is above one half; else the likeliest.
function rightEpochs(stored, nEpochs, correctness) {
  const right = new Uint8Array(stored.length), steps = stepsOf(stored);
  for (let i = 0; i < stored.length / nEpochs; i++) {
    const epochs = [];
    for (let k = i * nEpochs; k < (i + 1) * nEpochs; k++) if (stored[k] <= steps) epochs.push(k);
    const nRight = Math.round(correctness[i] * epochs.length);
    if (nRight < epochs.length) epochs.sort((a, b) => stored[b] - stored[a]);
    for (const k of epochs.slice(0, nRight)) right[k] = 1;
  }
  return right;
}

// Bins of the share of epochs that were right up to one: as those of the whole map, from
// all to none, with one bin for each count or for all, four quarters, and none.
function binsUpTo(right, nEpochs, epoch, nBins) {
  return Uint8Array.from({ length: right.length / nEpochs }, (_, i) => {
    let nRight = 0;
    for (let k = i * nEpochs; k < i * nEpochs + epoch; k++) nRight += right[k];
    if (nRight === epoch) return 0;
    if (nRight === 0) return nBins - 1;
    if (nBins <= nEpochs) return nBins - 2 - Math.floor((nBins - 2) * nRight / epoch);
    return Math.min(nBins - 2, Math.max(1, Math.round((1 - nRight / epoch) * (nBins - 1))));
  });
}

// ---- drawing

const PLAY_TIME = 6000;             // milliseconds of a whole run, within reason
let frame = null;                   // {x, y, codes}: an earlier epoch, if one is shown
let shownEpoch;                     // the whole number, or between two while it plays
let right;                          // see rightEpochs; made when first needed
let widest = 0;                     // largest deviation at any epoch, 0: never played
let playing = 0;                    // number of the animation that runs; 0: none does
const placesOf = new Map();         // of the epochs on both sides of what is shown

const moves = () => !matchMedia("(prefers-reduced-motion: reduce)").matches;
const canPlay = () => header.plays && matchMedia("(min-width: 700px)").matches;
const placeOf = (i) => frame ? [frame.x[i], frame.y[i]] : [data.variability[i], data.confidence[i]];

function placesAt(epoch) {
  if (epoch === header.n_epochs) return { x: data.variability, y: data.confidence, codes: groups.codes };
  if (!placesOf.has(epoch)) {
    for (const kept of placesOf.keys()) if (Math.abs(kept - epoch) > 1) placesOf.delete(kept);
    const [y, x] = momentsUpTo(data.trajectories, header.n_epochs, epoch);
    right ??= rightEpochs(data.trajectories, header.n_epochs, data.correctness);
    placesOf.set(epoch, { x, y, bins: binsUpTo(right, header.n_epochs, epoch, header.bins.length) });
  }
  const places = placesOf.get(epoch);
  return { ...places, codes: $("colour").value === "correctness" ? places.bins : groups.codes };
}

// The map as it was after an epoch, or between two: epoch 2.5 is half-way from 2 to 3.
function showEpoch(at) {
  if (!widest) widen();
  shownEpoch = at;
  const before = Math.floor(at), share = at - before, n = header.n_epochs;
  frame = at < n ? placesAt(before) : null;
  if (share) {
    const after = placesAt(before + 1);
    const between = (a, b) => a.map((value, i) => value + share * (b[i] - value));
    frame = { x: between(frame.x, after.x), y: between(frame.y, after.y), codes: (share < 0.5 ? frame : after).codes };
  }
  const epoch = Math.round(at);
  $("epoch").value = epoch;
  $("epoch").setAttribute("aria-valuetext", `epoch ${epoch} of ${n}`);
  $("epoch-name").textContent = `epoch ${epoch} of ${n}`;
  $("map").toggleAttribute("data-earlier", frame !== null);
  moveOverlay();
}

// Deviations can be larger on the way than in the end: the map makes room once.
function widen() {
  const n = header.n_epochs;
  const final = data.variability.reduce((a, b) => Math.max(a, b), 0.01);
  widest = final;
  for (let epoch = 2; epoch < n; epoch++)
    widest = momentsUpTo(data.trajectories, n, epoch)[1].reduce((a, b) => Math.max(a, b), widest);
  const range = [-0.02 * widest, 1.06 * widest];
  const isWhole = $("plot").layout.xaxis.range.every((end, k) => Math.abs(end - layout.xaxis.range[k]) < 1e-9);
  if (widest > final && isWhole)
    Plotly.relayout("plot", { "xaxis.range": range, annotations: regionNames(widest) });
}

// Corners of the symbols, the circle's radius being 1, as plotly has them.
const turned = (corners, angle) => corners.map(([x, y]) =>
  [x * Math.cos(angle) - y * Math.sin(angle), x * Math.sin(angle) + y * Math.cos(angle)]);
const PLUS = [[-0.4, -1.2], [0.4, -1.2], [0.4, -0.4], [1.2, -0.4], [1.2, 0.4], [0.4, 0.4],
  [0.4, 1.2], [-0.4, 1.2], [-0.4, 0.4], [-1.2, 0.4], [-1.2, -0.4], [-0.4, -0.4]];
const CORNERS = {
  square: [[-1, -1], [1, -1], [1, 1], [-1, 1]],
  diamond: [[-1.3, 0], [0, -1.3], [1.3, 0], [0, 1.3]],
  "triangle-up": [[-1.15, 0.5], [0, -1], [1.15, 0.5]],
  "triangle-down": [[-1.15, -0.5], [0, 1], [1.15, -0.5]],
  cross: PLUS,
  x: turned(PLUS, Math.PI / 4),
  star: Array.from({ length: 10 }, (_, k) => turned([[0, k % 2 ? -0.53 : -1.4]], k * Math.PI / 5)[0]),
};

// The dot of one group, drawn once; every point is a copy of it.
function stamp(code, size, opacity) {
  const { colour, symbol } = styleOf(code);
  const scale = devicePixelRatio, half = Math.ceil(size * 0.75);
  const canvas = element("canvas", undefined, { width: 2 * half * scale, height: 2 * half * scale });
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  pen.globalAlpha = opacity;
  pen.fillStyle = colour;
  if (symbol === "circle") pen.arc(half, half, size / 2, 0, 2 * Math.PI);
  else for (const [x, y] of CORNERS[symbol]) pen.lineTo(half + x * size / 2, half + y * size / 2);
  pen.fill();
  return [canvas, half];
}

function drawFrame() {
  const canvas = $("frame"), plot = $("plot");
  if (!frame || !plot.clientWidth) return;
  const [width, height, scale] = [plot.clientWidth, plot.clientHeight, devicePixelRatio];
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const { l, r, t, b } = MARGIN;
  pen.beginPath();
  pen.rect(l, t, width - l - r, height - t - b);
  pen.clip();
  const counts = new Uint32Array(groups.names.length);
  const { x, y, codes } = frame;
  for (let i = 0; i < N; i++) if (matching[i]) counts[codes[i]]++;
  // As in the map itself: the crowds lie below.
  const order = [...counts.keys()].sort((a, c) => (c >= MAX_GROUPS) - (a >= MAX_GROUPS) || counts[c] - counts[a]);
  const byCode = order.map((code) => new Int32Array(counts[code]));
  const rank = new Uint8Array(counts.length), filled = new Uint32Array(counts.length);
  order.forEach((code, k) => { rank[code] = k; });
  for (let i = 0; i < N; i++) if (matching[i]) byCode[rank[codes[i]]][filled[codes[i]]++] = i;
  const [[x0, y0], [x1, y1]] = [toStage([0, 0]), toStage([1, 1])];   // toStage is linear
  for (const [k, code] of order.entries()) {
    const { size, opacity, faint } = crowdStyle(counts[code]);
    const [dot, half] = stamp(code, size, selected ? 0.95 : opacity);
    const [pale] = stamp(code, size, faint);
    for (const i of byCode[k])
      pen.drawImage(selected && !selected[i] ? pale : dot, x0 + x[i] * (x1 - x0) - half,
        y0 + y[i] * (y1 - y0) - half, 2 * half, 2 * half);
  }
}

// The way of the current row up to what is shown.
function drawTrail() {
  const trail = $("trail"), n = header.n_epochs;
  trail.replaceChildren();
  if (!widest || current < 0 || isBlind(current) || !canPlay()) return;
  const own = data.trajectories.subarray(current * n, (current + 1) * n);
  const corners = [];
  for (let epoch = 1; epoch < shownEpoch; epoch++) {
    const [[mean], [deviation]] = momentsUpTo(own, n, epoch);
    if (!Number.isNaN(mean)) corners.push(toStage([deviation, mean]));
  }
  const draw = (tag, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    trail.append(made);
  };
  const points = [...corners, toStage(placeOf(current))].join(" ");
  draw("polyline", { points, class: "halo" });
  draw("polyline", { points });
  for (const [cx, cy] of corners) draw("circle", { cx, cy, r: n > 20 ? 1.8 : 2.6 });
}

// ---- controls

function stopPlaying() {
  playing = 0;
  drawPlayButton();
}

function drawPlayButton() {
  const name = playing ? "Pause" : moves() ? "Play the training" : "Next epoch";
  $("play").setAttribute("aria-label", name);
  $("play").title = name;
  $("play").dataset.state = playing ? "pause" : moves() ? "play" : "step";
}

// Where motion is not wanted, one epoch a press.
function togglePlay() {
  const n = header.n_epochs;
  if (!canPlay() || !window.Plotly) return;
  if (playing) { stopPlaying(); showEpoch(Math.round(shownEpoch)); return; }
  const from = shownEpoch < n ? shownEpoch : moves() ? 1 : 0;
  if (!moves()) { showEpoch(Math.floor(from) + 1); say($("epoch-name").textContent); return; }
  const pace = clamp(PLAY_TIME / n, 80, 600);
  const started = performance.now();
  const own = playing = started;
  drawPlayButton();
  const advance = () => {
    if (playing !== own) return;
    const at = Math.min(n, from + (performance.now() - started) / pace);
    showEpoch(at);
    if (at < n) requestAnimationFrame(advance);
    else { stopPlaying(); say($("epoch-name").textContent); }
  };
  advance();
}

// Plotly knows the final places alone.
function hoverFrame(event) {
  if (!frame || playing || hasLasso) return;
  const i = pointAt(onStage(event));
  if (i >= 0) showTooltip(i, event);
  else $("tooltip").hidden = true;
}

function listenToPlay() {
  shownEpoch = header.n_epochs;
  $("play-box").hidden = !header.plays;
  $("no-play").hidden = header.plays || !header.no_play;
  if (!header.plays) {
    const [text, code] = header.no_play ?? [""];
    $("no-play").append(text, ...(code ? [" ", element("code", code)] : []));
    return;
  }
  $("epoch").max = $("epoch").value = header.n_epochs;
  $("epoch-name").textContent = `epoch ${header.n_epochs} of ${header.n_epochs}`;
  drawPlayButton();
  $("play").addEventListener("click", togglePlay);
  $("epoch").addEventListener("input", () => {
    if (!window.Plotly) return;
    stopPlaying();
    showEpoch(Number($("epoch").value));
  });
  $("plot").addEventListener("pointermove", hoverFrame);
  $("plot").addEventListener("pointerleave", () => { if (frame) $("tooltip").hidden = true; });
  matchMedia("(prefers-reduced-motion: reduce)").addEventListener("change", stopPlaying);
  matchMedia("(min-width: 700px)").addEventListener("change", () => {
    stopPlaying();
    if (!canPlay() && frame) showEpoch(header.n_epochs);
  });
}
