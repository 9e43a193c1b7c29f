// Pictures of the rows, cut from sheets that are decoded when they are first needed.

const MOST_SHEETS = 32;             // decoded at a time, of 2.4 MB at most
const COARSE = 48;                  // pixels; a picture of fewer is shown as squares
const decodedSheets = new Map();    // number -> {bitmap, ready}, the one used last at the end

const hasPictures = Boolean(header.pictures);
const sheetPlaceOf = (i) => hasPictures ? data.picture[rowOf(i)] : -1;

function sheet(k) {
  const found = decodedSheets.get(k) ?? decode(k);
  decodedSheets.delete(k);
  decodedSheets.set(k, found);
  if (decodedSheets.size > MOST_SHEETS) {
    const [oldest, { ready }] = decodedSheets.entries().next().value;
    decodedSheets.delete(oldest);
    ready.then((bitmap) => bitmap.close());   // after all that wait for it have drawn
  }
  return found;
}

function decode(k) {
  const holder = document.querySelector(`script[data-block="sheet:${k}"]`);
  const bytes = Uint8Array.from(atob(holder.textContent), (mark) => mark.charCodeAt(0));
  const found = { bitmap: null };
  found.ready = createImageBitmap(new Blob([bytes], { type: "image/webp" }));
  found.ready.then((bitmap) => { found.bitmap = bitmap; });
  return found;
}

// A canvas with the picture of a point, or nothing where it has none.
function pictureOf(i, attributes = { "aria-hidden": "true" }) {
  const place = sheetPlaceOf(i);
  if (place < 0) return [];
  const k = Math.floor(place / header.pictures.per_sheet);
  const [width, height, across] = header.pictures.sizes[k];
  const at = place % header.pictures.per_sheet;
  const canvas = element("canvas", undefined, { class: "picture", width, height, ...attributes });
  canvas.dataset.coarse = Math.max(width, height) < COARSE;
  const draw = (bitmap) => canvas.getContext("2d").drawImage(bitmap, at % across * width,
    Math.floor(at / across) * height, width, height, 0, 0, width, height);
  const { bitmap, ready } = sheet(k);
  if (bitmap) draw(bitmap);
  else ready.then(draw);
  return [canvas];
}

function drawPicture(i) {
  const found = pictureOf(i, { role: "img", "aria-label": `Picture of row ${idOf(i) ?? ""}` });
  $("row-picture").replaceChildren(...found);
  $("row-picture").hidden = !found.length;
}
