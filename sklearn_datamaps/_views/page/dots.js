// Points that we draw ourselves, over the map: what passes filters and lasso. It takes
// milliseconds, where plotly would send all points to the graphics card again.

let lit = null;                     // Uint8Array of the points that stand out; null: all do

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

// Groups in the order of drawing: of what comes later nothing is hidden, so "other" and
// the crowds come first. With the points of each that are to be drawn.
function inOrder(codes, isDrawn) {
  const counts = new Uint32Array(groups.names.length), filled = new Uint32Array(counts.length);
  for (let i = 0; i < N; i++) if (!isDrawn || isDrawn[i]) counts[codes[i]]++;
  const points = Array.from(counts, (count) => new Int32Array(count));
  for (let i = 0; i < N; i++) if (!isDrawn || isDrawn[i]) points[codes[i]][filled[codes[i]]++] = i;
  const order = [...counts.keys()].sort((a, b) => (b >= MAX_GROUPS) - (a >= MAX_GROUPS) || counts[b] - counts[a]);
  return order.map((code) => [code, points[code]]);
}

function drawDots(canvas, { x, y, codes }, isDrawn) {
  const plot = $("plot");
  const [width, height, scale] = [plot.clientWidth, plot.clientHeight, devicePixelRatio];
  canvas.width = width * scale;
  canvas.height = height * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const { l, r, t, b } = MARGIN;
  pen.beginPath();
  pen.rect(l, t, width - l - r, height - t - b);
  pen.clip();
  const [[x0, y0], [x1, y1]] = [toStage([0, 0]), toStage([1, 1])];   // toStage is linear
  for (const [code, points] of inOrder(codes, isDrawn)) {
    const { size, opacity } = crowdStyle(points.length);
    const [dot, half] = stamp(code, size, opacity);
    for (const i of points)
      pen.drawImage(dot, x0 + x[i] * (x1 - x0) - half, y0 + y[i] * (y1 - y0) - half, 2 * half, 2 * half);
  }
}

// Which points stand out, and how many of each group pass the filters.
function light() {
  const counts = new Uint32Array(groups.names.length);
  let nLit = 0;
  const chosen = new Uint8Array(N);
  for (let i = 0; i < N; i++) {
    if (!matching[i]) continue;
    counts[groups.codes[i]]++;
    if (!selected || selected[i]) nLit += chosen[i] = 1;
  }
  groups.counts = counts;
  lit = nLit === N ? null : chosen;
  $("dots").dataset.count = nLit;
  drawLegend();
  drawLit();
  drawFrame();
}

function drawLit() {
  if (!$("plot").layout) return;   // plotly comes after the row
  $("dots").hidden = lit === null;
  $("stage").dataset.dimmed = lit !== null;
  if (lit && $("plot").clientWidth) drawDots($("dots"), { x: data.variability, y: data.confidence, codes: groups.codes }, lit);
}
