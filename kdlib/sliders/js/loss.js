// The loss explorer of kdlib.sliders.widgets.

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

function render({ model, el }) {
  const { all, one, write } = parts({ model, el });
  const get = (name) => model.get(name);
  const [student, teacher, label, labels] = ["student_logits", "teacher_logits", "label", "labels"].map(get);
  const name = labels[label];
  const axis = numbers(one("plot"));
  const { full } = numbers(one("bars"));
  const across = (logit) => axis.x + (axis.w * (logit - axis.low)) / (axis.high - axis.low);
  const up = (loss) => axis.y - (axis.h * loss) / axis.most;
  const places = Array.from({ length: 46 }, (_, k) => axis.low + ((axis.high - axis.low) * k) / 45);
  const sliders = [
    temperatureSlider(one("slider-temperature")),
    slider("alpha", one("slider-alpha"), (x) => x.toFixed(2), (x) => x, Number),
  ];
  // the place of a value on its slider's rail
  function along({ input, enter }, value) {
    const rail = numbers(input);
    return rail.x + (rail.w * (enter(value) - input.min)) / (input.max - input.min);
  }

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

  function draw() {
    const [t, alpha] = sliders.map(({ trait }) => get(trait));
    const now = terms(student, teacher, label, t, alpha);
    paintBars(t);
    paintPlot(t, alpha, now.total);
    for (const key in now) write(key, number(now[key]));
    for (const each of sliders) {
      const { trait, say, input } = each;
      put(one(`knob-${trait}`), "cx", along(each, get(trait)).toFixed(2));
      write(trait, say(get(trait)));
      put(input, "aria-valuetext", `${trait} ${say(get(trait))}, loss ${number(now.total)}`);
    }
  }
  return connect({ model, el }, { sliders, start: numbers(one("reset")), draw });
}

export default { render };
