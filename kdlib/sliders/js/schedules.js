// The schedule explorer of kdlib.sliders.schedule_explorer.

// What kdlib.training.ramps gives, times alpha.
export function weight(kind, start, end, alpha, progress) {
  if (kind === "at-once") return alpha;
  if (kind === "late") return alpha * (progress >= start);
  const share = Math.min(1, Math.max(0, (progress - start) / (end - start)));
  return alpha * (0.5 * (1 - Math.cos(Math.PI * share)));
}

export function mean(kind, start, end, alpha) {
  if (kind === "at-once") return alpha;
  return alpha * (1 - (kind === "late" ? start : (start + end) / 2));
}

function curve(kind, start, end, alpha) {
  if (kind === "late") return [[0, 0], [start, 0], [start, alpha], [1, alpha]]; // a step: both of its ends
  const middle = Array.from({ length: 41 }, (_, k) => start + ((end - start) * k) / 40);
  const places = [0, ...(kind === "ramp" ? middle : []), 1];
  return places.map((progress) => [progress, weight(kind, start, end, alpha, progress)]);
}

const share = (x) => `${Number((100 * x.toFixed(3)).toFixed(1))}\u00a0%`;

function first(kind, start, end, alpha) {
  const whole = `all of its weight, α = ${alpha.toFixed(2)}`;
  if (alpha === 0) return "It never counts, as α = 0";
  if (kind === "at-once" || (kind === "late" && start === 0)) return `It counts from the first step, with ${whole}`;
  if (kind === "late") return `It first counts after ${share(start)} of training, with ${whole}`;
  const begins = start ? `after ${share(start)} of training` : "with the first steps";
  const ends = end === 1 ? "at the end" : `from ${share(end)} on`;
  return `It begins to count ${begins} and has ${whole}, ${ends}`;
}

function render({ model, el }) {
  const { all, one, write } = parts({ model, el });
  const get = (name) => model.get(name);
  const axis = numbers(one("plot"));
  const across = (progress) => axis.x + axis.w * progress;
  const up = (w) => axis.y - axis.h * w;
  const points = (line) => line.map(([x, w]) => `${across(x).toFixed(1)},${up(w).toFixed(1)}`).join(" ");
  const options = all("option");
  const sliders = ["start", "end", "alpha"].map((name) =>
    slider(name, one(`slider-${name}`), (x) => x.toFixed(2), (x) => x, Number),
  );
  // The radio buttons are one more "slider": their events reach the fieldset around them.
  const chosen = () => options.find((node) => node.checked).value;
  const kinds = slider("kind", one("kinds"), (x) => x, (x) => x, chosen);
  const unused = { "at-once": ["start", "end"], late: ["end"], ramp: [] };
  const tidy = (x) => Number(x.toFixed(2));
  let painted = {}; // the setting that is drawn

  // An end after the start, as kdlib.training.ramps asks for: the one that moved pushes the other.
  function setting() {
    let [start, end] = [get("start"), get("end")];
    if (end <= start) {
      if (end === painted.end) model.set("end", (end = tidy(start + 0.01)));
      else model.set("start", (start = tidy(end - 0.01)));
    }
    return { kind: get("kind"), start, end, alpha: get("alpha") };
  }

  function paintPlot(line, average, said) {
    put(one("teacher-curve"), "points", points(line));
    put(one("labels-curve"), "points", points(line.map(([x, w]) => [x, 1 - w])));
    put(one("area"), "points", points([[0, 0], ...line, [1, 0]]));
    const y = up(average);
    put(one("mean-line"), "d", `M${axis.x},${y.toFixed(2)}H${axis.x + axis.w + 4}`);
    put(one("mean-name"), "y", (y - 2).toFixed(2));
    put(one("mean-value"), "y", (y + 12).toFixed(2));
    write("mean-value", average.toFixed(2));
    put(one("plot"), "aria-label", `Weights over training: the teacher’s ${share(average)} on average. ${said}`);
  }

  function draw() {
    const now = setting();
    const values = [now.kind, now.start, now.end, now.alpha];
    const [average, said] = [mean(...values), first(...values)];
    options.forEach((node) => (node.checked = node.value === now.kind));
    paintPlot(curve(...values), average, said);
    write("mean", share(average));
    write("rest", share(1 - average.toFixed(3)));
    write("first", said);
    for (const { trait, input, say } of sliders) {
      const rail = numbers(input);
      input.disabled = unused[now.kind].includes(trait);
      write(trait, say(now[trait]));
      put(one(`knob-${trait}`), "cx", (rail.x + rail.w * now[trait]).toFixed(2));
      put(input, "aria-valuetext", `${trait} ${say(now[trait])}, teacher ${share(average)} of the weight`);
    }
    // The radio button says its name only; a slider says the rest itself.
    if (painted.kind && painted.kind !== now.kind) write("live", one("summary").textContent);
    painted = now;
  }
  const { kind } = one("reset").dataset;
  return connect({ model, el }, { sliders: [kinds, ...sliders], start: { ...numbers(one("reset")), kind }, draw });
}

export default { render };
