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

// The dot of one symbol and size, drawn once; every point is a copy of it: the pixels that
// it covers, and how much of each.
const stamps = new Map();

function stampOf(symbol, size) {
  const radius = Math.round(5 * size * devicePixelRatio) / 10, name = `${symbol} ${radius}`;
  if (stamps.has(name)) return stamps.get(name);
  const half = Math.ceil(1.5 * radius), side = 2 * half + 1;
  const pen = element("canvas", undefined, { width: side, height: side }).getContext("2d", { willReadFrequently: true });
  pen.translate(half + 0.5, half + 0.5);
  pen.scale(radius, radius);
  if (symbol === "circle") pen.arc(0, 0, 1, 0, 2 * Math.PI);
  else for (const [x, y] of CORNERS[symbol]) pen.lineTo(x, y);
  pen.fill();
  const { data: pixels } = pen.getImageData(0, 0, side, side);
  const those = Array.from({ length: side ** 2 }, (_, k) => k).filter((k) => pixels[4 * k + 3]);
  stamps.set(name, { half, dx: Int32Array.from(those, (k) => k % side - half), dy: Int32Array.from(those, (k) => Math.floor(k / side) - half),
    covered: Float32Array.from(those, (k) => pixels[4 * k + 3] / 255) });
  return stamps.get(name);
}

// Put dots of one colour over an image. First every dot lessens what is seen through its
// pixels (through, all 1 before and after), then the colour is put over what is there once.
function putDots({ data: pixels, width }, through, { half, dx, dy, covered }, { opacity, rgb }, points, { x, y }, toPixel, axes) {
  const [left, top, right, bottom] = axes, [[x0, xUnit], [y0, yUnit]] = toPixel, [red, green, blue] = rgb;
  const seen = covered.map((share) => 1 - opacity * share), by = dx.map((across, k) => dy[k] * width + across);
  let first = bottom, last = top;   // row that any dot is in
  for (const i of points) {
    if (Number.isNaN(x[i])) continue;
    const column = Math.round(x0 + x[i] * xUnit), row = Math.round(y0 + y[i] * yUnit), at = row * width + column;
    const isWithin = column - half >= left && column + half < right && row - half >= top && row + half < bottom;
    for (let k = 0; k < by.length; k++)
      if (isWithin || (column + dx[k] >= left && column + dx[k] < right && row + dy[k] >= top && row + dy[k] < bottom))
        through[at + by[k]] *= seen[k];
    first = Math.min(first, row - half);
    last = Math.max(last, row + half);
  }
  const end = Math.min(bottom, last + 1) * width;
  for (let k = Math.max(top, first) * width; k < end; k++) {
    if (through[k] === 1) continue;
    const at = 4 * k, over = 1 - through[k], below = pixels[at + 3] / 255 * through[k], whole = over + below;
    pixels[at] = (red * over + pixels[at] * below) / whole;
    pixels[at + 1] = (green * over + pixels[at + 1] * below) / whole;
    pixels[at + 2] = (blue * over + pixels[at + 2] * below) / whole;
    pixels[at + 3] = 255 * whole;
    through[k] = 1;
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

// In plain numbers: neither a graphics card nor its lack makes a difference, as it does to
// thousands of small pictures. Of a share above 0, the other points are drawn too, so much
// fainter.
function drawDots(canvas, places, isDrawn, shareOfRest = 0) {
  const scale = devicePixelRatio, { width, height } = sizes.get("plot");
  const side = { width: Math.round(width * scale), height: Math.round(height * scale) };
  if (canvas.width !== side.width || canvas.height !== side.height) Object.assign(canvas, side);
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(side.width, side.height), through = new Float32Array(side.width * side.height).fill(1);
  const { l, r, t, b } = MARGIN;
  const axes = [l, t, width - r, height - b].map((end) => Math.round(end * scale));
  const [start, unit] = [toStage([0, 0]), toStage([1, 1])];   // toStage is linear
  const toPixel = start.map((end, k) => [scale * end, scale * (unit[k] - end)]);
  const put = (those, share) => {
    for (const [code, points] of inOrder(places.codes, those)) {
      if (!points.length) continue;
      const { size, opacity } = crowdStyle(points.length), { symbol, colour } = styleOf(code);
      const rgb = colour.match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16));
      putDots(image, through, stampOf(symbol, size), { opacity: share * opacity, rgb }, points, places, toPixel, axes);
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
  if (lit && isMapSeen()) drawDots($("dots"), { x: data.variability, y: data.confidence, codes: groups.codes }, lit);
}
