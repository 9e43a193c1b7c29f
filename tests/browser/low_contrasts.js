// What of the page has less contrast than WCAG 1.4.3 and 1.4.11 ask for.

const parse = (colour) => colour.match(/[\d.]+/g).map(Number);
const linear = (x) => (x /= 255) <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4;
const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const ratio = (a, b) => {
    const [low, high] = [light(a), light(b)].sort((p, q) => p - q);
    return (high + 0.05) / (low + 0.05);
};
const paper = (e) => {
    for (; e; e = e.parentElement) {
        const colour = parse(getComputedStyle(e).backgroundColor);
        if (colour[3] === undefined || colour[3] > 0) return colour;
    }
};
const low = [];
for (const e of document.querySelectorAll("body *")) {
    if (!(e instanceof HTMLElement) || !e.checkVisibility()) continue;
    const style = getComputedStyle(e);
    const own = [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
    const isMark = e.matches("#legend [aria-hidden]");
    if (own && ratio(parse(style.color), paper(e)) < (isMark ? 3 : 4.5))
        low.push(`${e.id || e.className || e.tagName} text`);
    if (e.matches("button:not(#legend *), select, input:not([type=checkbox])") &&
        ratio(parse(style.borderTopColor), paper(e.parentElement)) < 3)
        low.push(`${e.id} edge`);
}
return low;
