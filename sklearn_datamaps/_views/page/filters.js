// What a filter lets through, and what it says of itself. Needs no browser.
// A filter is {on, is, value}: is "contains" (a text), "equals" (a text) or "range"
// ([low, high], numbers or null for an open end).

function passes({ is, value }, found) {
  if (is === "range") {
    const number = found === null || found === "" ? NaN : Number(found);
    return !Number.isNaN(number) && number >= (value[0] ?? -Infinity) && number <= (value[1] ?? Infinity);
  }
  const text = String(found ?? "");
  return is === "equals" ? text === value : text.toLowerCase().includes(value.toLowerCase());
}

function described({ on, is, value }) {
  if (is === "equals") return `${on}: ${value === "" ? "(empty)" : value}`;
  if (is === "contains") return `${on} contains ${value}`;
  const [low, high] = value;
  if (low === null) return `${on} ≤ ${high}`;
  return high === null ? `${on} ≥ ${low}` : `${low} ≤ ${on} ≤ ${high}`;
}

function isFilter(given) {
  if (typeof given?.on !== "string") return false;
  if (given.is !== "range") return ["contains", "equals"].includes(given.is) && typeof given.value === "string";
  return Array.isArray(given.value) && given.value.length === 2 &&
    given.value.every((end) => end === null || Number.isFinite(end));
}

// Where a text holds the query, as [start, end] pairs.
function hits(text, query) {
  if (!query) return [];
  const pattern = new RegExp(query.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gi");
  return Array.from(text.matchAll(pattern), (match) => [match.index, match.index + match[0].length]);
}
