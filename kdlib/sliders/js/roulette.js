// Papers with few runs, drawn from the runs that are recorded, and what they would have claimed.
// needs axes.js

// The first draws from so many runs: each up to ten positions, without putting back, by the generator of Park and
// Miller (1988) with the multiplier of 1993. A paper with fewer runs has the first of them.
kd.draws = (count, seed, presses) => {
  const [multiplier, modulus] = [48271, 2 ** 31 - 1];
  let state = 1 + (seed % (modulus - 1));
  const next = () => (state = (state * multiplier) % modulus); // below 2 ** 47, so it is exact
  for (let i = 0; i < 10; i++) next(); // neighbouring seeds begin alike
  const size = Math.min(count, 10);
  return kd.range(presses).map(() => {
    const deck = kd.range(count);
    for (let i = 0; i < size; i++) {
      const j = i + Math.floor((next() * (count - i)) / modulus);
      [deck[i], deck[j]] = [deck[j], deck[i]];
    }
    return deck.slice(0, size);
  });
};

// Mean, low and high; below two values there is no interval.
kd.interval = (values, quantiles) => {
  const n = values.length;
  const mean = kd.sum(values) / n;
  const deviation = Math.sqrt(kd.sum(values.map((x) => (x - mean) ** 2)) / (n - 1));
  const half = ((quantiles[n - 2] ?? 1.96) * deviation) / Math.sqrt(n);
  return { mean, low: mean - half, high: mean + half };
};

// What a paper with these runs would say. `digits` are the decimals of a single run; a mean has one.
kd.claim = (values, unit, digits, quantiles) => {
  const words = unit.split(" ");
  const verbs = words.pop() === "more" ? ["gains", "loses"] : ["saves", "costs"];
  const { mean, low, high } = kd.interval(values, quantiles);
  const decimals = values.length === 1 ? digits : 1;
  const text = Math.abs(mean).toFixed(decimals);
  const noun = text === "1" ? words.join(" ").replace(/s$/, "") : words.join(" ");
  const sign = kd.sign(mean, decimals);
  const said = sign ? `Distillation ${verbs[Number(sign < 0)]} ${text} ${noun}` : "Distillation makes no difference";
  if (values.length < 3) return `${said}${values.length === 1 ? "" : " on average"}.`;
  const surely = low > 0 || high < 0 ? "excludes" : "includes";
  return `${said} on average; the 95\u00a0% interval, ${kd.signed(low, 1)} to ${kd.signed(high, 1)}, ${surely} zero.`;
};

// How wide dots are, as wide as there is room for, and where they stand, stacked in columns. The columns are counted
// from zero, which has one of its own, so that no dot is on the wrong side of it.
kd.stack = (places, zero, floor, height) => {
  const column = (gap, size) => Math.sign(gap) * Math.max(1, Math.round(Math.abs(gap) / size));
  const columns = (size) => places.map((x) => column(x - zero, size));
  const among = (all, k) => all.filter((other) => other === k).length;
  const tallest = (size) => Math.max(...columns(size).map((k, _, all) => among(all, k)));
  const size = [12, 11, 10, 9, 8, 7, 6].find((size) => tallest(size) * size <= height) ?? 5;
  const pitch = Math.min(size, height / tallest(size)); // where even small ones have no room they overlap
  const spot = (k, i, all) => [zero + k * size, floor - pitch * (among(all.slice(0, i), k) + 0.5)];
  return { size, spots: columns(size).map(spot) };
};

kd.sliders.roulette = ({ seeds, gains, unit, digits, seed, quantiles }) => {
  const [left, right, top, floor] = [58, 308, 24, 156];
  const all = kd.interval(gains, quantiles);
  const spread = Math.sqrt(kd.sum(gains.map((gain) => (gain - all.mean) ** 2)) / (gains.length - 1));
  // As wide on both sides, so that it tells nothing before a draw, and wide enough for most intervals of three runs.
  const reach = Math.max(...gains.map((gain) => 1.06 * Math.abs(gain)), Math.abs(all.mean) + 4 * spread) || 1;
  const x = [-reach, reach];
  const marks = { x: kd.round(...x, 3).map((value) => [value, kd.signed(value, digits)]) };
  const axes = kd.axes({ left, right, top, floor, x, y: [0, 1], marks });
  const { size, spots } = kd.stack(gains.map(axes.across), axes.across(0), 108, 84);
  const whole = kd.sign(all.mean, 1);
  const against = gains.filter((gain) => kd.sign(gain, digits) * whole < 0).length;
  const choices = [1, 2, 3, 5, 10].filter((runs) => runs <= gains.length);
  const pick = (positions) => positions.map((i) => gains[i]);
  const colour = (gain, places) => ["kd-scratch", "", "kd-distilled"][kd.sign(gain, places) + 1];

  // An interval with its ends; one that lies beyond the picture is an arrowhead at its edge.
  function span({ low, high }, y, kind) {
    const ends = [axes.across(low), axes.across(high)];
    const shown = ends.filter((end) => end >= left && end <= right).map((end) => `M${kd.f(end)},${y - 4}v8`);
    if (ends[0] < left) shown.push(`M${left + 5},${y - 4}l-5,4l5,4`);
    if (ends[1] > right) shown.push(`M${right - 5},${y - 4}l5,4l-5,4`);
    const [a, b] = ends.map((end) => kd.f(kd.clamp(end, left, right)));
    return kd.line(`M${a},${y}H${b}${shown.join("")}`, kind);
  }

  // All runs, those of the paper filled; below, the mean of all and that of the paper.
  function drawn(paper) {
    const found = kd.interval(pick(paper), quantiles);
    const runs = spots.map(([cx, cy], i) => {
      const kind = paper.includes(i) ? `kd-run kd-drawn ${colour(gains[i], digits)}` : "kd-run";
      return kd.dot(cx, cy, size / 2 - 0.7, kind, `seed ${seeds[i]}: ${kd.signed(gains[i], digits)}`);
    });
    const row = (y, words, { mean, ...ends }, line, kind) =>
      kd.text(0, y + 4, words) + (line ? span(ends, y, line) : "") + kd.dot(axes.across(mean), y, 5, kind);
    const kind = `kd-run kd-drawn ${colour(found.mean, paper.length > 1 ? 1 : digits)}`;
    return [
      runs,
      row(126, `all ${gains.length}`, all, "kd-curve kd-teacher", "kd-teacher"),
      row(146, "paper", found, paper.length < 3 ? "" : "kd-line", kind),
    ];
  }

  function plot(paper) {
    const title = `${gains.length} recorded runs${paper.length ? "" : ", none drawn yet"}`;
    const ends = [Math.min(...gains), Math.max(...gains)].map((gain) => kd.signed(gain, digits));
    const words = `, ${unit}: mean ${kd.signed(all.mean, 1)}, from ${ends.join(" to ")}, ${against} the other way`;
    return kd.picture(
      192, title + (paper.length ? words : ""),
      kd.text(0, 14, title, "kd-head"),
      axes.grid, kd.line(`M${kd.f(axes.across(0))},${top}V${floor}`, "kd-line"),
      paper.length ? drawn(paper) : "",
      kd.text(183, 188, `${unit} than alone`, "kd-middle"),
    );
  }

  function draw({ runs, draws }) {
    const papers = kd.draws(gains.length, seed, draws).map((paper) => paper.slice(0, runs));
    const paper = papers.at(-1) ?? [];
    const means = papers.map((each) => kd.interval(pick(each), quantiles).mean);
    const wrong = means.filter((mean) => kd.sign(mean, runs === 1 ? digits : 1) * whole < 0).length;
    const which = paper.map((i) => seeds[i]).join(", ");
    const [mean, a, b] = [all.mean, all.low, all.high].map((value) => kd.signed(value, 1));
    const claim = draws ? kd.escape(kd.claim(pick(paper), unit, digits, quantiles)) : "";
    return {
      pictures: { plot: plot(paper) },
      said: draws
        ? `Draw ${draws}, ${runs === 1 ? "seed" : "seeds"} ${which}: <b>${claim}</b>
          Of ${kd.plural(draws, "paper")} with ${kd.plural(runs, "run")}, ${wrong} had the wrong sign.
          All ${gains.length} runs together: ${mean} (${a} to ${b}) ${kd.escape(unit)};
          ${against} of them ${against === 1 ? "points" : "point"} the other way.`
        : "Draw, and read what a paper with these runs would claim.",
      values: { runs: kd.plural(runs, "run") },
    };
  }

  return {
    layout: [["plot"], ["runs", "buttons"]],
    tracks: {
      runs: kd.track({
        left: 20, above: true, label: "runs in the paper", low: 0, high: choices.length - 1, step: 1,
        at: (runs) => choices.indexOf(runs), value: (at) => choices[at],
        head: ({ runs }) => `Runs in the paper: ${runs}`, marks: kd.marks(choices, (runs) => choices.indexOf(runs)),
      }),
    },
    buttons: [
      { words: ({ runs }) => (runs === 1 ? "Draw one run" : `Draw ${runs} runs`),
        press: ({ draws }) => ({ draws: Math.min(999, draws + 1) }) },
      kd.reset("Start again", { runs: 1, draws: 0 }),
    ],
    draw,
  };
};
