// The roulette of seeds of kdlib.sliders.seed_roulette; the first half is kdlib.sliders.seed_draws, number for number.

const [MULTIPLIER, MODULUS] = [48271, 2 ** 31 - 1];
const VERBS = { fewer: ["saves", "costs"], less: ["saves", "costs"], more: ["gains", "loses"] };

// The first draws from so many runs: each up to ten positions, without putting back.
export function draws(count, seed, presses) {
  let state = 1 + (seed % (MODULUS - 1));
  const next = () => (state = (state * MULTIPLIER) % MODULUS); // below 2 ** 47, so it is exact
  for (let i = 0; i < 10; i++) next();
  const size = Math.min(count, 10);
  return Array.from({ length: presses }, () => {
    const deck = Array.from({ length: count }, (_, i) => i);
    for (let i = 0; i < size; i++) {
      const j = i + Math.floor((next() * (count - i)) / MODULUS);
      [deck[i], deck[j]] = [deck[j], deck[i]];
    }
    return deck.slice(0, size);
  });
}

const sum = (values) => values.reduce((total, x) => total + x, 0);

// Mean, low and high; below two values there is no interval.
export function interval(values, quantiles) {
  const n = values.length;
  const mean = sum(values) / n;
  const deviation = Math.sqrt(sum(values.map((x) => (x - mean) ** 2)) / (n - 1));
  const half = (quantiles[n - 2] * deviation) / Math.sqrt(n);
  return { mean, low: mean - half, high: mean + half };
}

const decimalsOf = (runs, digits) => (runs === 1 ? digits : 1);

// The sign of a number as it is written.
function direction(x, digits) {
  return Number(Math.abs(x).toFixed(digits)) === 0 ? 0 : Math.sign(x);
}

function signed(x, digits) {
  const sign = { 1: "+", 0: "", [-1]: "\u2212" }[direction(x, digits)];
  return sign + Math.abs(x).toFixed(digits);
}

export function claim(values, unit, digits, quantiles) {
  const cut = unit.lastIndexOf(" ");
  const [noun, verbs] = [unit.slice(0, cut), VERBS[unit.slice(cut + 1)]];
  const { mean, low, high } = interval(values, quantiles);
  const decimals = decimalsOf(values.length, digits);
  const sign = direction(mean, decimals);
  const text = Math.abs(mean).toFixed(decimals);
  let said = "Distillation makes no difference";
  if (sign) said = `Distillation ${verbs[Number(sign < 0)]} ${text} ${text === "1" ? noun.replace(/s$/, "") : noun}`;
  if (values.length === 1) return `${said}.`;
  said += " on average";
  if (values.length < 3) return `${said}.`;
  const surely = low > 0 || high < 0 ? "excludes" : "includes";
  const [a, b] = [low, high].map((x) => signed(x, decimals));
  return `${said}; the 95\u00a0% interval, ${a} to ${b}, ${surely} zero.`;
}

const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

function render({ model, el }) {
  const { all, one, write } = parts({ model, el });
  const traits = ["seeds", "gains", "unit", "digits", "seed", "quantiles"];
  const [seeds, gains, unit, digits, seed, quantiles] = traits.map((name) => model.get(name));
  const axis = numbers(one("plot"));
  const across = (gain) => axis.x + (axis.w * (gain - axis.low)) / (axis.high - axis.low);
  const whole = direction(axis.mean, 1);
  const choices = [1, 2, 3, 5, 10].filter((runs) => runs <= gains.length);
  const rail = one("slider-runs");
  const enter = (runs) => choices.indexOf(runs);
  const runsSlider = slider("runs", rail, String, enter, (value) => choices[value]);
  // The button moves a hidden input, which is one more "slider".
  const counter = slider("draws", one("draws"), String, (x) => x, Number);
  one("press").addEventListener("click", () => {
    counter.input.value = Math.min(999, model.get("draws") + 1);
    counter.input.dispatchEvent(new Event("input"));
  });
  const pick = (positions) => positions.map((i) => gains[i]);
  let painted; // how many draws the picture shows

  // hollow; or filled, and the colour says who is better
  function kind(gain, places, drawn) {
    const colour = { 1: " kd-second", 0: "", [-1]: " kd-red" }[direction(gain, places)];
    return drawn ? `kd-run kd-drawn${colour}` : "kd-run";
  }

  function span(low, high) {
    const ends = [across(low), across(high)];
    const right = axis.x + axis.w;
    const marks = ends.filter((x) => x >= axis.x && x <= right).map((x) => `M${x.toFixed(2)},${axis.y - 4}v8`);
    if (ends[0] < axis.x) marks.push(`M${axis.x + 5},${axis.y - 4}l-5,4l5,4`);
    if (ends[1] > right) marks.push(`M${right - 5},${axis.y - 4}l5,4l-5,4`);
    return `M${Math.max(ends[0], axis.x).toFixed(2)},${axis.y}H${Math.min(ends[1], right).toFixed(2)}${marks.join("")}`;
  }

  function paintPaper(last, decimals) {
    all("run").forEach((node, i) => put(node, "class", kind(gains[i], digits, last.includes(i))));
    const found = last.length ? interval(pick(last), quantiles) : { mean: axis.low };
    const none = !last.length;
    put(one("span"), "d", last.length < 3 ? "" : span(found.low, found.high));
    put(one("paper"), "class", none ? "kd-run" : kind(found.mean, decimals, true));
    put(one("paper"), "cx", (none ? 0 : across(found.mean)).toFixed(2));
    put(one("paper"), "display", none ? "none" : "inline");
  }

  function draw() {
    const [runs, presses] = [model.get("runs"), model.get("draws")];
    const papers = draws(gains.length, seed, presses).map((paper) => paper.slice(0, runs));
    const decimals = decimalsOf(runs, digits);
    const last = papers.at(-1) ?? [];
    paintPaper(last, decimals);
    const wrong = papers.filter((paper) => direction(interval(pick(paper), quantiles).mean, decimals) * whole < 0);
    const which = last.map((i) => seeds[i]).join(", ");
    write("drawn", presses ? `Draw ${presses}, ${runs === 1 ? "seed" : "seeds"} ${which}: ` : "");
    write("claim", presses ? claim(pick(last), unit, digits, quantiles) : "");
    const papersSaid = `${plural(presses, "paper")} with ${plural(runs, "run")}`;
    write("tally", presses ? ` Of ${papersSaid}, ${wrong.length} had the wrong sign.` : "");
    write("runs", runs);
    write("press", runs === 1 ? "Draw one run" : `Draw ${runs} runs`);
    const place = numbers(rail);
    put(one("knob-runs"), "cx", (place.x + (place.w * enter(runs)) / (choices.length - 1)).toFixed(2));
    put(rail, "aria-valuetext", plural(runs, "run"));
    // A button does not say what it has done.
    if (painted !== undefined && painted !== presses) write("live", one("summary").textContent);
    painted = presses;
  }
  return connect({ model, el }, { sliders: [runsSlider, counter], start: numbers(one("reset")), draw });
}

export default { render };
