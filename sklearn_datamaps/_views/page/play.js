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
// probability. Exact of two outcomes, where right is above one half. Of more it is a guess:
// 995 of 1,000 were right on ten digits, 997 on 28 emotions (929 and 919 where a row was
// right in some epochs alone).
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
  if (widest === final) return;
  const isWhole = $("plot").layout.xaxis.range.every((end, k) => Math.abs(end - wholeRange(final)[k]) < 1e-9);
  layout.xaxis.range = wholeRange(widest);
  if (isWhole) Plotly.relayout("plot", { "xaxis.range": wholeRange(widest), annotations: regionNames(widest) });
}

function drawFrame() {
  if (frame && isMapSeen()) drawDots($("frame"), frame, lit, FAINT);
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
  $("stage").setAttribute("aria-label", `${$("stage").getAttribute("aria-label")} Space plays the training.`);
  drawPlayButton();
  $("play").addEventListener("click", togglePlay);
  $("epoch").addEventListener("input", () => {
    if (!window.Plotly) return;
    stopPlaying();
    showEpoch(Number($("epoch").value));
  });
  matchMedia("(prefers-reduced-motion: reduce)").addEventListener("change", stopPlaying);
  matchMedia("(min-width: 700px)").addEventListener("change", () => {
    stopPlaying();
    if (!canPlay() && frame) showEpoch(header.n_epochs);
  });
}
