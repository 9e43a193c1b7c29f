// What decisions say of the labels that nobody has read yet: the means of
// LabelAudit.update, worked out as decisions are made. Needs no browser.

// chance: of every label to be wrong, by rank, the most suspicious first; rules: the
// constants of Python and the last ranks of its bins. Returns (wrong) => forecast, for a
// map from the rank of each label that was decided on to whether it was wrong.
function forecaster(chance, { edges, most_moved, pseudo, worth_rows, n_next, worth }) {
  const n = chance.length;
  const bins = new Uint8Array(n), odds = new Float64Array(n), size = [];
  for (let rank = 0, edge = 0; rank < n; rank++) {
    const earlier = edge;
    while (edge < edges.length && edges[edge] < rank + 1) edge++;
    if (rank === 0 || edge > earlier) size.push(0);
    bins[rank] = size.length - 1;
    size[size.length - 1]++;
    const within = Math.min(Math.max(chance[rank], 0.1 / n), 0.99);
    odds[rank] = within / (1 - within);
  }
  return (wrong) => {
    const nothing = () => new Float64Array(size.length);
    const read = nothing(), found = nothing(), moved = nothing(), next = nothing();
    let expected = 0, nFound = 0;
    for (const [rank, isWrong] of wrong) {
      expected += chance[rank];
      nFound += isWrong;
      read[bins[rank]]++;
      found[bins[rank]] += isWrong;
    }
    const ratio = Math.min(Math.max((nFound + pseudo) / (expected + pseudo), 1 / most_moved), most_moved);
    let nNext = 0;
    for (let rank = 0; rank < n; rank++) {
      moved[bins[rank]] += ratio * odds[rank] / (1 + ratio * odds[rank]);
      if (nNext < n_next && !wrong.has(rank)) { next[bins[rank]]++; nNext++; }
    }
    let upcoming = 0, remaining = 0;
    for (let bin = 0; bin < size.length; bin++) {
      const share = (worth_rows * moved[bin] / size[bin] + found[bin]) / (worth_rows + read[bin]);
      upcoming += next[bin] * share;
      remaining += (size[bin] - read[bin]) * share;
    }
    return { nRead: wrong.size, nFound, nNext, upcoming, remaining, stop: !nNext || upcoming < worth * nNext };
  };
}

// In one line, behind what was read.
function forecastSaid({ nNext, upcoming, stop }) {
  if (!nNext) return "every label is read";
  const [next, wrong] = [nNext, Math.round(upcoming)].map((n) => n.toLocaleString("en"));
  return `of the next ${next} about ${wrong}; ${stop ? "stop" : "go on"}`;
}
