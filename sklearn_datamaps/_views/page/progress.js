// What decisions say of the labels that nobody has read yet: the means of
// LabelAudit.update, worked out as decisions are made. Needs no browser.

// chance: of every label to be wrong, by rank, the most suspicious first; rules: the
// constants of Python and the last ranks of its bins. Returns (wrong) => forecast, for a
// map from the rank of each label that was decided on to whether it was wrong; of a review
// with rows at random also what stratumOf needs, and the ranks of its labels.
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
  return (wrong, draw) => {
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
    const shares = size.map((all, bin) => (worth_rows * moved[bin] / all + found[bin]) / (worth_rows + read[bin]));
    shares.forEach((share, bin) => {
      upcoming += next[bin] * share;
      remaining += (size[bin] - read[bin]) * share;
    });
    const measured = draw ? measure(wrong, draw, (rank) => shares[bins[rank]], n, nNext) : undefined;
    if (measured) { upcoming += measured.unseen; remaining = Math.max(measured.left, upcoming); }
    const few = upcoming < worth * nNext && (!measured || remaining < worth * (n - wrong.size));
    return { nRead: wrong.size, nFound, nNext, upcoming, remaining, isMeasured: Boolean(measured), stop: !nNext || few };
  };
}

// Strata as Draw.of makes them: the first ranks, and shares of the others.
function stratumOf(nLabels, { n, nRandom }) {
  const rest = nLabels - n, even = (x) => Math.round(x) - (x % 2 === 0.5);  // as Python rounds
  const edges = Math.min(nRandom, rest) >= 9 ? [0, even(rest / 8), even(rest / 2)] : [0];
  return (rank) => edges.reduce((at, edge) => at + (rank >= n + edge), 0);
}

// What rows at random say of the labels not read, as Stratum does: wrong ones that are left,
// and those of the next ones that no rank tells of. Nothing, while a stratum is unread.
function measure(wrong, draw, share, nLabels, nNext) {
  const stratum = stratumOf(nLabels, draw), strata = [];
  let n = 0;
  for (let rank = 0; rank < nLabels; rank++) {
    const of = strata[stratum(rank)] ??= { size: 0, read: 0, found: 0, known: 0, unread: 0, expected: 0, next: 0 };
    of.size++;
    if (wrong.has(rank)) {
      const isDrawn = draw.ranks.has(rank), isWrong = wrong.get(rank);
      of.read += isDrawn;
      of.found += isDrawn && isWrong;
      of.known += isWrong;
    } else {
      of.unread++;
      of.expected += share(rank);
      if (n++ < nNext) of.next += 1 - share(rank);
    }
  }
  let left = 0, unseen = 0;
  for (const of of strata.filter(Boolean)) {
    if (!of.read) return undefined;
    const mine = Math.min(Math.max(of.size * of.found / of.read - of.known, 0), of.unread);
    left += mine;
    unseen += of.next * Math.min(Math.max((mine - of.expected) / Math.max(of.unread - of.expected, 1e-9), 0), 1);
  }
  return { left, unseen };
}

// In one line, behind what was read.
function forecastSaid({ nNext, upcoming, remaining, isMeasured, stop }) {
  if (!nNext) return "every label is read";
  const [next, wrong, left] = [nNext, upcoming, remaining].map((n) => Math.round(n).toLocaleString("en"));
  const measured = isMeasured ? `, of all unread about ${left}` : "";
  return `of the next ${next} about ${wrong}${measured}; ${stop ? "stop" : "go on"}`;
}
