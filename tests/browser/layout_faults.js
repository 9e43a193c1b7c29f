// What of the page overflows, overlaps or is cut: the body of a function of a
// selector of what may cut its text.

const cut = arguments[0];
const seen = (e) => e.checkVisibility({visibilityProperty: true}) && !e.closest(".unseen");
const name = (e) => e.id || e.className || `${e.tagName} ${e.textContent.slice(0, 30)}`;
const scrolls = (e) => /auto|scroll/.test(getComputedStyle(e).overflow);
const found = [];
const page = document.documentElement;
if (page.scrollWidth > innerWidth || page.scrollHeight > innerHeight + 1)
    found.push(`the page is ${page.scrollWidth} x ${page.scrollHeight}`);
const parts = [...document.querySelectorAll("body *")].filter((e) =>
    e instanceof HTMLElement && seen(e) && !e.matches(cut) && !e.closest("#plot, script"));
for (const e of parts)
    if (e.scrollWidth > e.clientWidth + 1 && e.clientWidth && !scrolls(e) &&
        !e.matches("select, input, #stage")) found.push(`cut: ${name(e)}`);
// Of what scrolls, only what can be seen of it takes room.
const boxOf = (e) => {
    let {left, top, right, bottom} = e.getBoundingClientRect();
    for (let up = e.parentElement; up; up = up.parentElement) {
        if (getComputedStyle(up).overflow === "visible") continue;
        const box = up.getBoundingClientRect();
        [left, right] = [Math.max(left, box.left), Math.min(right, box.right)];
        [top, bottom] = [Math.max(top, box.top), Math.min(bottom, box.bottom)];
    }
    return {left, top, right, bottom, e};
};
const boxes = parts.filter((e) => e.matches(
    "button, input, select, h1, summary, #count, #progress, #row-text, #row-given, #row-why, " +
    "#row-trajectory, #row-values > div, #stage, #verdict, #row-name, kbd"))
    .map(boxOf).filter((b) => b.right - b.left > 0.5 && b.bottom - b.top > 0.5);
for (const {left, top, right, bottom, e} of boxes)
    if (left < -0.5 || top < -0.5 || right > innerWidth + 0.5 || bottom > innerHeight + 0.5)
        found.push(`outside: ${name(e)}`);
for (const [k, a] of boxes.entries())
    for (const b of boxes.slice(k + 1))
        if (!a.e.contains(b.e) && !b.e.contains(a.e) && Math.min(a.right, b.right) -
            Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1)
            found.push(`overlap: ${name(a.e)}, ${name(b.e)}`);
return found;
