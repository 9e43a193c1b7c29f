// Points that we draw ourselves, over the map: what passes filters and lasso. It takes
// milliseconds, where plotly would send all points to the graphics card again.

const FAINT = 0.12;                 // opacity of the rest, as in the style
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

// The dot of one group, drawn once; every point is a copy of it. Its opacity by pixel.
function stamp(code, size, opacity) {
  const { symbol } = styleOf(code);
  const scale = devicePixelRatio, half = Math.ceil(size * 0.75 * scale), side = 2 * half + 1;
  const canvas = element("canvas", undefined, { width: side, height: side });
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.translate(half + 0.5, half + 0.5);
  pen.scale(size * scale / 2, size * scale / 2);
  if (symbol === "circle") pen.arc(0, 0, 1, 0, 2 * Math.PI);
  else for (const [x, y] of CORNERS[symbol]) pen.lineTo(x, y);
  pen.fill();
  const { data: pixels } = pen.getImageData(0, 0, side, side);
  return { half, side, mask: Float32Array.from({ length: side ** 2 }, (_, k) => opacity * pixels[4 * k + 3] / 255) };
}

// Put a dot of one colour over what is there, in plain numbers: neither a graphics card
// nor its lack makes a difference, as it does to thousands of small pictures.
function blend(image, { half, side, mask }, colour, x, y, [left, top, right, bottom]) {
  const { data: pixels, width } = image;
  for (let row = Math.max(0, top - y + half); row < Math.min(side, bottom - y + half); row++)
    for (let column = Math.max(0, left - x + half); column < Math.min(side, right - x + half); column++) {
      const over = mask[row * side + column];
      if (over === 0) continue;
      const at = 4 * ((y - half + row) * width + x - half + column);
      const below = pixels[at + 3] / 255 * (1 - over), whole = over + below;
      for (let k = 0; k < 3; k++) pixels[at + k] = (colour[k] * over + pixels[at + k] * below) / whole;
      pixels[at + 3] = 255 * whole;
    }
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

// Of a share above 0, the other points are drawn too, so much fainter.
function drawDots(canvas, { x, y, codes }, isDrawn, shareOfRest = 0) {
  const plot = $("plot"), scale = devicePixelRatio;
  canvas.width = Math.round(plot.clientWidth * scale);
  canvas.height = Math.round(plot.clientHeight * scale);
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(canvas.width, canvas.height);
  const { l, r, t, b } = MARGIN;
  const axes = [l, t, plot.clientWidth - r, plot.clientHeight - b].map((end) => Math.round(end * scale));
  const [[x0, y0], [x1, y1]] = [toStage([0, 0]), toStage([1, 1])].map((at) => at.map((end) => end * scale));
  const put = (those, share) => {
    for (const [code, points] of inOrder(codes, those)) {
      const { size, opacity } = crowdStyle(points.length);
      const dot = stamp(code, size, share * opacity);
      const colour = styleOf(code).colour.match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16));
      for (const i of points)   // toStage is linear
        if (x[i] === x[i]) blend(image, dot, colour, Math.round(x0 + x[i] * (x1 - x0)), Math.round(y0 + y[i] * (y1 - y0)), axes);
    }
  };
  if (isDrawn && shareOfRest) put(isDrawn.map((is) => 1 - is), shareOfRest);
  put(isDrawn, 1);
  pen.putImageData(image, 0, 0);
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
