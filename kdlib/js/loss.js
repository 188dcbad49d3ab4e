// The loss explorer of kdlib.widgets: one module for Jupyter (through anywidget) and for the built page.
// Python draws the picture (trait `markup`); this file moves what it finds in it by its data-kd name.

function logSoftmax(logits, t) {
  const top = Math.max(...logits); // subtracted so that exp cannot overflow
  const gaps = logits.map((z) => (z - top) / t);
  const norm = Math.log(gaps.reduce((sum, gap) => sum + Math.exp(gap), 0));
  return gaps.map((gap) => gap - norm);
}

export const softmax = (logits, t) => logSoftmax(logits, t).map(Math.exp);

// KL, T^2 KL, cross-entropy, the loss, and the lengths of the gradients of the second and the third.
export function terms(student, teacher, label, t, alpha) {
  const [q, p, plain] = [logSoftmax(student, t), logSoftmax(teacher, t), logSoftmax(student, 1)];
  const kl = p.reduce((nats, x, i) => nats + Math.exp(x) * (x - q[i]), 0);
  const soft = t ** 2 * kl;
  const hard = -plain[label];
  return {
    kl,
    soft,
    hard,
    total: alpha * soft + (1 - alpha) * hard,
    softLength: t * Math.hypot(...p.map((x, i) => Math.exp(q[i]) - Math.exp(x))),
    hardLength: Math.hypot(...plain.map((x, i) => Math.exp(x) - (i === label))),
  };
}

const moved = (logits, label, place) => logits.map((z, i) => (i === label ? place : z));

// The logit of the true class where the loss is least, or null if it falls up to the end.
export function minimum(student, teacher, label, t, alpha, low, high) {
  const rest = (p) => p.reduce((sum, x, i) => sum + (i !== label) * x, 0); // exact near 0
  const p = softmax(teacher, t);
  const slope = (place) => {
    const z = moved(student, label, place);
    const q = softmax(z, t);
    const gap = p[label] < 0.5 ? q[label] - p[label] : rest(p) - rest(q);
    return alpha * t * gap - (1 - alpha) * rest(softmax(z, 1));
  };
  if (slope(high) <= 0) return null;
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    [low, high] = slope(middle) < 0 ? [middle, high] : [low, middle];
  }
  return (low + high) / 2;
}

function percent(share) {
  const x = 100 * share;
  if (x > 0 && x < 0.01) return "<0.01\u00a0%";
  if (x >= 99.95 && x < 100) return ">99.9\u00a0%";
  return `${x.toFixed(x === 0 || x === 100 ? 0 : x < 1 ? 2 : 1)}\u00a0%`;
}

function number(value) {
  const x = Math.max(0, value);
  return x.toFixed(x >= 1 ? 2 : x >= 0.1 ? 3 : x >= 0.01 ? 4 : x > 0 ? 5 : 0);
}

const put = (node, name, value) => node.setAttribute(name, value);
const short = (x) => String(Number(x.toPrecision(3)));
const numbers = (node) => Object.fromEntries(Object.entries(node.dataset).map(([k, v]) => [k, Number(v)]));

function render({ model, el }) {
  if (!el.querySelector(".kd-explorer")) el.innerHTML = model.get("markup");
  const all = (name) => [...el.querySelectorAll(`[data-kd="${name}"]`)];
  const one = (name) => all(name)[0];
  const write = (name, text) => all(name).forEach((node) => (node.textContent = text));
  const get = (name) => model.get(name);
  const [student, teacher, label, labels] = ["student_logits", "teacher_logits", "label", "labels"].map(get);
  const name = labels[label];
  const axis = numbers(one("plot"));
  const start = numbers(one("reset"));
  const { full } = numbers(one("bars"));
  const across = (logit) => axis.x + (axis.w * (logit - axis.low)) / (axis.high - axis.low);
  const up = (loss) => axis.y - (axis.h * loss) / axis.most;
  const places = Array.from({ length: 46 }, (_, k) => axis.low + ((axis.high - axis.low) * k) / 45);
  // Of each slider: its trait, how that is written, and the way to the input's value and back.
  const sliders = [
    // two digits are enough: 2.5, not 2.4974
    ["temperature", short, Math.log10, (value) => Number((10 ** value).toPrecision(2))],
    ["alpha", (x) => x.toFixed(2), (x) => x, Number],
  ].map(([trait, say, enter, read]) => {
    const input = one(`slider-${trait}`);
    const rail = numbers(input);
    const x = (v) => rail.x + (rail.w * (enter(v) - input.min)) / (input.max - input.min);
    return { trait, say, enter, input, x, knob: one(`knob-${trait}`), pointed: () => read(input.value) };
  });

  function paintBars(t) {
    const shares = [teacher, student].map((z) => softmax(z, t));
    const said = shares.map((p) => p.map(percent));
    ["p", "q"].forEach((key, k) => {
      all(key).forEach((node, i) => put(node, "width", (full * shares[k][i]).toFixed(2)));
      all(`${key}%`).forEach((node, i) => (node.textContent = said[k][i]));
    });
    const list = labels.map((label, i) => `${label} ${said[0][i]} and ${said[1][i]}`).join(", ");
    put(one("bars"), "aria-label", `Teacher and student at temperature ${short(t)}: ${list}. True class: ${name}`);
  }

  function paintPlot(t, alpha, total) {
    const cut = places.map((place) => terms(moved(student, label, place), teacher, label, t, alpha));
    const line = (key, height) => {
      const points = cut.map((x, i) => `${across(places[i]).toFixed(0)},${up(height(x)).toFixed(1)}`);
      put(one(key), "points", points.join(" "));
    };
    line("hard-curve", (x) => (1 - alpha) * x.hard);
    line("soft-curve", (x) => alpha * x.soft);
    line("loss-curve", (x) => x.total);
    const least = minimum(student, teacher, label, t, alpha, axis.low, axis.high);
    const none = least === null;
    put(one("mark"), "d", none ? "" : `M${across(least).toFixed(2)},${axis.y - axis.h}V${axis.y}`);
    put(one("dot"), "cy", up(total).toFixed(2));
    const said = none ? `no minimum up to ${axis.high}` : `minimum at ${least.toFixed(2)}`;
    write("least", said);
    const place = `${number(total)} at ${student[label].toFixed(2)}`;
    put(one("plot"), "aria-label", `Loss against the logit of ${name}: ${place}, ${said}`);
    write("rest", (1 - alpha).toFixed(2));
  }

  // However many events arrive, it is painted, and Python told, once a frame.
  let frame = 0;
  let unsaved = false; // Python has to hear of a change made here
  function paint() {
    frame = 0;
    const [t, alpha] = sliders.map(({ trait }) => get(trait));
    const now = terms(student, teacher, label, t, alpha);
    paintBars(t);
    paintPlot(t, alpha, now.total);
    for (const key in now) write(key, number(now[key]));
    for (const { trait, say, enter, input, x, knob, pointed } of sliders) {
      const value = get(trait);
      if (pointed() !== value) input.value = enter(value);
      put(knob, "cx", x(value).toFixed(2));
      write(trait, say(value));
      put(input, "aria-valuetext", `${trait} ${say(value)}, loss ${number(now.total)}`);
    }
    if (unsaved) model.save_changes();
    unsaved = false;
  }
  const later = () => (frame ||= requestAnimationFrame(paint));
  function choose(trait, value) {
    if (get(trait) === value) return;
    unsaved = true;
    model.set(trait, value);
  }

  const off = new AbortController();
  const listen = (node, event, act) => node.addEventListener(event, act, { signal: off.signal });
  for (const { trait, input, pointed } of sliders) {
    listen(input, "input", () => choose(trait, pointed()));
    // the browser cancels a touch that turns into scrolling
    let before;
    listen(input, "pointerdown", () => (before = get(trait)));
    listen(input, "pointercancel", () => choose(trait, before));
    model.on(`change:${trait}`, later);
  }
  const [{ input, pointed }] = sliders;
  listen(input, "keydown", (event) => {
    const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!way || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault(); // twenty steps a decade: 1, 1.1, 1.3, 1.4, 1.6, 1.8, 2, 2.2, 2.5, ...
    input.value = (Math.round(20 * Math.log10(get("temperature"))) + way) / 20;
    choose("temperature", pointed());
  });
  listen(one("reset"), "click", () => sliders.forEach(({ trait }) => choose(trait, start[trait])));
  listen(el.querySelector("form"), "submit", (event) => event.preventDefault());
  paint();
  one("explorer").classList.add("kd-live");
  return () => {
    off.abort();
    cancelAnimationFrame(frame);
    for (const { trait } of sliders) model.off(`change:${trait}`, later);
  };
}

export default { render };
