// What of the page needs no browser, called as the page calls it. Run by
// test_page_logic.py, behind the files of the page themselves.

const assert = require("node:assert/strict");
const { test } = require("node:test");

test("a 32-bit number is written as its shortest decimal", () => {
  for (const x of [0.1, 1 / 3, 1e-20, 123456.7, 0, 1]) {
    const single = Math.fround(x);
    assert.equal(Math.fround(Number(decimal(single))), single);
    assert.ok(decimal(single).length <= String(single).length);
  }
  assert.equal(decimal(NaN), "");
});

test("numbers are shown with four significant digits", () => {
  assert.equal(rounded(0.033871), "0.03387");
  assert.equal(rounded(12345.6), "12350");
  assert.equal(rounded(NaN), "–");
});

test("what a file has comes back as it was", () => {
  const texts = ["a", "a,b", 'say "so"', "two\nlines", "cr\rhere", "=1+1", "-3", "＝1", "＠a", "'quoted'", "", "שלום"];
  const line = texts.map((text) => cell(text, false)).join(",");
  const [read] = parseCsv(`${line}\r\n`);
  assert.deepEqual(read.map(unguarded), texts);
  assert.ok(read.every((value) => !/^[=+\-@＝＋－＠\t\r\n]/.test(value)));
});

test("the delimiter of a spreadsheet is found, and its encodings are read", () => {
  assert.deepEqual(parseCsv("a;b;c\n1;2,5;3\n"), [["a", "b", "c"], ["1", "2,5", "3"]]);
  assert.deepEqual(parseCsv("a\tb\r1\t2"), [["a", "b"], ["1", "2"]]);
  assert.deepEqual(parseCsv(""), []);
  assert.equal(decoded(new TextEncoder().encode("für")), "für");
  assert.equal(decoded(new Uint8Array([0x66, 0xfc, 0x72])), "für");
  assert.equal(decoded(new Uint8Array([0xff, 0xfe, 0x66, 0, 0xfc, 0])), "fü");
});

test("hashes are written as in the review", () => {
  assert.equal(hexadecimal(new Uint8Array([0, 10, 255])), "000aff");
});

test("filters let through what they say", () => {
  const range = (low, high) => ({ on: "length", is: "range", value: [low, high] });
  assert.deepEqual([1, 2, 3, null, ""].map((x) => passes(range(2, null), x)), [false, true, true, false, false]);
  assert.ok(!passes(range(null, 2), NaN));
  assert.ok(passes({ on: "a", is: "contains", value: "IS" }, "this"));
  assert.ok(!passes({ on: "a", is: "equals", value: "thi" }, "this"));
  assert.ok(passes({ on: "a", is: "equals", value: "" }, null));
  assert.equal(described(range(2, 3)), "2 ≤ length ≤ 3");
  assert.equal(described(range(null, 3)), "length ≤ 3");
});

test("a kept filter that is none is told", () => {
  for (const bad of [null, 5, {}, { on: "a", is: "range", value: 3 }, { on: "a", is: "like", value: "x" }])
    assert.ok(!isFilter(bad), JSON.stringify(bad));
  assert.ok(isFilter({ on: "a", is: "range", value: [null, 3] }));
});

test("hits are where the query stands, whatever its marks mean to a pattern", () => {
  assert.deepEqual(hits("a.b A.B axb", "a.b"), [[0, 3], [4, 7]]);
  assert.deepEqual(hits("(((", "("), [[0, 1], [1, 2], [2, 3]]);
  assert.deepEqual(hits("abc", ""), []);
});

test("the last change of a row holds, and an entry less is an undo", () => {
  const change = (key, decision, label = "", note = "") => [key, decision, label, note, "t", "me"];
  const log = [[change("1", "keep"), change("2", "keep")], [change("1", "relabel", "b")],
    [change("2", "")], [change("3", "", "", "look again")]];
  assert.deepEqual([...replayed(log).keys()], ["1", "3"]);
  assert.equal(replayed(log).get("1").label, "b");
  assert.deepEqual([...replayed(log.slice(0, 1)).keys()], ["1", "2"]);
});

test("a kept log that is none is told", () => {
  for (const bad of [5, {}, [null], [[null]], [[["1", "keep"]]], [[["1", "shred", "", "", "", ""]]], "x", null])
    assert.ok(!isLog(bad), JSON.stringify(bad));
  assert.ok(isLog([[["1", "keep", "", "", "", ""]]]));
});

test("classes have fixed keys", () => {
  assert.equal(labelKeys(["a", "b"]).size, 0);
  assert.deepEqual([...labelKeys(["a", "b", "c"])], [["1", 0], ["2", 1], ["3", 2]]);
  const digits = Array.from({ length: 10 }, (_, k) => String(k));
  assert.deepEqual([...labelKeys(digits)].map(([key, code]) => digits[code] === key), Array(10).fill(true));
  assert.deepEqual([...labelKeys(digits.map((digit) => `no. ${digit}`)).keys()].at(-1), "0");
  assert.equal(labelKeys(Array(11).fill("x")).size, 0);
});

test("a capital letter by shift is another key than one by caps lock", () => {
  assert.equal(COMMANDS[keyName({ key: "N", shiftKey: true })], "next undecided");
  assert.equal(COMMANDS[keyName({ key: "N", shiftKey: false })], "next");
  assert.equal(COMMANDS[keyName({ key: "?", shiftKey: true })], "help");
});

test("an epoch that was not recorded counts for nothing", () => {
  for (const [Stored, steps] of [[Uint8Array, 254], [Uint16Array, 65534]]) {
    const stored = Stored.from([steps, 0, steps + 1, steps, steps + 1, steps + 1]);
    const [mean, deviation] = momentsUpTo(stored, 3, 3);
    assert.deepEqual([Array.from(mean), Array.from(deviation)], [[0.5, 1], [0.5, 0]]);
    assert.deepEqual(curveOf(stored, 3, 0), [1, 0]);
    assert.deepEqual(curveOf(stored, 3, 1), [1]);
    assert.deepEqual(Array.from(rightEpochs(stored, 3, [0.5, 1])), [1, 0, 0, 1, 0, 0]);
  }
});

test("only what was right in all epochs or none has the bins at the ends", () => {
  const right = Uint8Array.from([1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
  assert.deepEqual(Array.from(binsUpTo(right, 4, 1, 5)), [0, 4, 4]);
  assert.deepEqual(Array.from(binsUpTo(right, 4, 3, 5)), [0, 4, 4]);
  assert.deepEqual(Array.from(binsUpTo(right, 4, 4, 5)), [0, 4, 3]);
  const long = new Uint8Array(100).fill(1, 0, 99);   // right in all but the last
  assert.deepEqual([99, 100].map((epoch) => binsUpTo(long, 100, epoch, 6)[0]), [0, 1]);
  assert.equal(binsUpTo(new Uint8Array(100).fill(1, 0, 1), 100, 100, 6)[0], 4);
});

test("what a saved page holds is read back, whatever the notes say, and nothing else is", () => {
  const decision = ["a0", "3", "", "relabel", "</script><script>x</script>", "=1", "2026-01-01T00:00:00Z", "Ann"];
  const given = { map: "m", saved: "s", annotator: "Ann", view: { filters: [] }, decisions: [decision] };
  const page = (json) => `<html><script type="application/json" id="state">${json}</script></html>`;
  assert.deepEqual(savedIn(page(JSON.stringify(given).replaceAll("<", "\\u003c"))), given);
  assert.equal(savedIn(page("null")), null);
  for (const bad of ["{", "5", "{}", JSON.stringify({ ...given, view: null }), JSON.stringify({ ...given, saved: 3 }),
    JSON.stringify({ ...given, decisions: [decision.slice(1)] }), JSON.stringify({ ...given, decisions: [[...decision.slice(0, 3), "shred", "", "", "", ""]] }),
    JSON.stringify({ ...given, decisions: [[3, ...decision.slice(1)]] })])
    assert.equal(savedIn(page(bad)), undefined, bad);
  assert.equal(savedIn("decision,new_label,row_hash\n"), undefined);
});

test("of a file holds what fills in, and what the same person decided later", () => {
  const state = (decision, time, annotator, note = "") => ({ decision, label: "", note, time, annotator });
  const [noon, one] = ["2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z"];
  const states = new Map([["1", state("keep", noon, "Ann")], ["2", state("keep", noon, "")],
    ["3", state("", noon, "Ann", "look again")], ["4", state("keep", "1/1/2026 12:00", "Ann")]]);
  const holds = (key, time, annotator) => holding(states, [[key, "drop", "", "", time, annotator]]).length === 1;
  assert.ok(holds("9", "", ""));
  assert.ok(holds("1", one, "Ann"));
  assert.ok(!holds("1", noon, "Ann"));
  assert.ok(!holds("1", one, "Bob"));
  assert.ok(!holds("2", one, ""), "who has no name may be anybody");
  assert.ok(!holds("3", noon, "Bob"), "a note is not lost");
  assert.ok(!holds("4", one, "Ann"), "a time of a spreadsheet is none");
});

test("people agree on what a decision makes of a row", () => {
  const keep = { decision: "keep", label: "" }, drop = { decision: "drop", label: "" };
  const to = (label) => ({ decision: "relabel", label });
  assert.equal(outcome(keep, "ham"), outcome(to("ham"), "ham"));
  assert.notEqual(outcome(to("drop"), "ham"), outcome(drop, "ham"));
  assert.equal(outcome({ decision: "unsure", label: "" }, "ham"), "");
  assert.ok(disagree(outcome(keep, "ham"), outcome(drop, "ham")));
  assert.ok(!disagree(outcome(keep, "ham"), ""));
});

test("a new label is read as apply_review reads it", () => {
  const words = { labels: ["ham", "Spam", "spam"], label_is_number: false, new_labels: false };
  for (const [text, meant] of [["ham", "ham"], [" HAM", "ham"], ["spam", "spam"], ["SPAM", undefined], ["", undefined], ["eggs", undefined]])
    assert.equal(labelMeant(text, words), meant);
  assert.equal(labelMeant(" eggs ", { ...words, new_labels: true }), "eggs");
  assert.equal(labelMeant(" ", { ...words, new_labels: true }), undefined);
  assert.equal(labelMeant("SPAM", { ...words, new_labels: true }), undefined);
  assert.equal(labelMeant("3.0", { labels: ["3", "4"], label_is_number: true }), "3");
  assert.equal(labelMeant("3.0", { labels: ["3", "4"], label_is_number: false }), undefined);
  for (const text of ["1", "TRUE", "true"]) assert.equal(labelMeant(text, { labels: ["False", "True"] }), "True");
});

test("agreement is said in one line", () => {
  const pairs = [["= a", "= a"], ["= a", "= b"], ["= b", "= b"], ["drop", "drop"], ["", "= a"], ["= b", ""]];
  const found = agreement(pairs);
  // Observed 3 of 4; by chance (2 x 1 + 1 x 2 + 1 x 1) of 16.
  assert.deepEqual([found.n, found.nAgreed], [4, 3]);
  assert.ok(Math.abs(found.kappa - (3 / 4 - 5 / 16) / (1 - 5 / 16)) < 1e-12);
  assert.equal(agreementSaid(found), "4 rows both decided, 75 % agreed, Cohen's kappa 0.64");
  assert.equal(agreementSaid(agreement([["= a", "= a"]])),
    "1 row both decided, 100 % agreed, Cohen's kappa not defined, as both gave a single answer");
  assert.equal(agreementSaid(agreement([["= a", ""]])), "no row that both decided");
  assert.ok(agreement([["= a", "= b"]]).kappa === 0);
});

test("a file of which most rows are not here is of another map", () => {
  assert.ok(isForeign(0, 1));
  assert.ok(isForeign(2, 3));
  assert.ok(!isForeign(3, 3));
});

test("words of the evidence are found whole, in any case, across marks", () => {
  const marked = (text, ...words) => wordSpans(text, words.map((word) => [word, -1]))
    .map(([start, end]) => text.slice(start, end));
  assert.deepEqual(marked("Thanks, thanks! thankless", "thanks"), ["Thanks", "thanks"]);
  assert.deepEqual(marked("thank, you. thank-you thankyou", "thank you"), ["thank, you", "thank-you"]);
  assert.deepEqual(marked("Über über Grüße", "über"), ["Über", "über"]);
  assert.deepEqual(marked("a.b axb (c", "a.b", "(c", "", " "), ["a.b", "(c"]);
  assert.deepEqual(marked("", "a"), []);
  assert.deepEqual(marked("a ".repeat(5000), "a").length, MOST_MARKS);
});

test("no mark lies in another, and each keeps its weight", () => {
  const spans = wordSpans("why thank you", [["thank", -2], ["thank you", -1], ["you", 1], ["why", 3]]);
  assert.deepEqual(spans, [[0, 3, 3], [4, 9, -2], [10, 13, 1]]);
});
