// The queue: only the rows in sight are in the document.

const ROW_HEIGHT = 66;              // as in the style
const TILE = { width: 92, height: 106 };   // of the gallery: at least, and as in the style

function withHits(text, query) {
  const found = hits(text, query);
  const parts = [];
  let at = 0;
  for (const [start, end] of found) {
    parts.push(text.slice(at, start), element("mark", text.slice(start, end)));
    at = end;
  }
  return [...parts, text.slice(at)];
}

// Of a long text, what is round its first hit.
function excerpt(text, query) {
  const start = hits(text, query)[0]?.[0] ?? 0;
  const from = start > 60 ? start - 30 : 0;
  return (from ? "…" : "") + text.slice(from, from + SHOWN_TEXT);
}

const short = (text) => text.length > 40 ? `${text.slice(0, 39)}…` : text;

function pairOf(i) {
  const pair = [];
  if (data.name) pair.push(element("bdi", `${short(nameOf(i))}: `));
  pair.push(element("bdi", short(labelOf(data.label[i]))));
  const [code, share] = likely(i)[0] ?? [-1];
  if (code >= 0) pair.push(" › ", element("bdi", short(labelOf(code))));
  if (code >= 0 && !Number.isNaN(share)) pair.push(` (${percent(share)})`);
  return pair;
}

// Rows below each other, or pictures in lines of as many as fit.
function layoutOfQueue() {
  const isGallery = $("gallery").getAttribute("aria-pressed") === "true";
  const across = isGallery ? Math.max(1, Math.floor(sizes.get("queue").width / TILE.width)) : 1;
  return { isGallery, across, height: isGallery ? TILE.height : ROW_HEIGHT };
}

function drawQueue() {
  const scroll = $("queue");
  const { isGallery, across, height } = layoutOfQueue();
  const top = tops.get("queue") ?? 0, beyond = 4;   // lines above and below, for who scrolls
  const first = Math.max(0, Math.floor(top / height) - beyond) * across;
  const last = Math.min(list.length, (Math.ceil((top + sizes.get("queue").height) / height) + beyond) * across);
  const query = $("search").value.trim();
  const items = [];
  for (let at = first; at < last; at++) {
    const i = list[at];
    const { decision, label, note } = stateOf(i);
    const picture = pictureOf(i);
    const item = element("div", undefined, { id: `item-${at}`, role: "option", class: isGallery ? "item tile" : "item",
      "aria-posinset": at + 1, "aria-setsize": list.length, "aria-selected": String(i === current), "data-point": i });
    item.style.top = `${Math.floor(at / across) * height}px`;
    item.style.left = `${100 * (at % across) / across}%`;
    item.style.width = `${100 / across}%`;
    const words = element("div", undefined, { class: isGallery ? "words unseen" : "words", dir: "auto" });
    words.append(...withHits(excerpt(data.text ? textOf(i) : `row ${idOf(i) ?? ""}`, query), query));
    const meta = element("div", undefined, { class: "meta" });
    const pair = element("span", undefined, { class: "pair" });
    pair.append(...pairOf(i));
    meta.append(pair);
    const isDisputed = disputes(i).length > 0;
    if (decision || note) meta.append(element("span",
      [isDisputed ? "≠" : "", decision === "relabel" ? `→ ${short(label)}` : decision, note ? "✎" : ""].filter(Boolean).join(" "),
      { class: "badge", "data-decision": decision }));
    item.append(...picture, words, meta);
    items.push(item);
  }
  $("items").replaceChildren(...items);
  if (cursor >= first && cursor < last) scroll.setAttribute("aria-activedescendant", `item-${cursor}`);
  else scroll.removeAttribute("aria-activedescendant");
  $("empty").hidden = list.length > 0;
}

// As high as all rows would be.
function drawHeight() {
  const { across, height } = layoutOfQueue();
  $("items").style.height = `${Math.ceil(list.length / across) * height}px`;
}

function scrollToCursor() {
  if (cursor < 0) return;
  const { across, height } = layoutOfQueue();
  const top = Math.floor(cursor / across) * height, now = tops.get("queue") ?? 0;
  const room = sizes.get("queue").height - height;
  if (top < now || top > now + room) setTop("queue", Math.max(0, top - room / 2));
}

function showGallery(on) {
  $("gallery").setAttribute("aria-pressed", String(on));
  noteSize("queue");
  drawHeight();
  scrollToCursor();
  drawQueue();
}

// A range of the queue, to decide on at once.
function selectTo(place) {
  const [from, to] = [Math.min(cursor, place), Math.max(cursor, place)];
  forgetSelection();
  selected = new Uint8Array(N);
  for (const i of list.slice(Math.max(0, from), to + 1)) selected[i] = 1;
  setMode("many", true);
  relist();
  light();
}

function clickQueue(event) {
  const item = event.target.closest(".item");
  if (!item) return;
  const place = Number(item.id.slice(5));
  if (event.shiftKey) selectTo(place);
  else { goTo(list[place], place); showTab("row"); }
}
