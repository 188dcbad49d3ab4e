// Soft targets, the terms of the loss, the loss along a cut, on which only the student's logit of the true class moves,
// and gradient steps of the student's logits.
// needs bars.js
// needs axes.js

kd.steps = { rate: 0.5, press: 10, most: 500 };

// The gradients of the two terms in the student's logits, before they are weighted. The soft one, of T^2 KL, is
// T (q - p) with T^2, and (q - p) / T without.
kd.gradients = (student, teacher, label, { temperature: t, squared }) => {
  const [q, p, plain] = [kd.softmax(student, t), kd.softmax(teacher, t), kd.softmax(student, 1)];
  return {
    soft: q.map((x, i) => (squared ? t : 1 / t) * (x - p[i])),
    hard: plain.map((x, i) => x - (i === label)),
  };
};

// The student's logits after some steps down the gradient of the loss.
kd.stepped = (student, teacher, label, setting, steps) => {
  const { alpha } = setting;
  return kd.range(steps).reduce((logits) => {
    const { soft, hard } = kd.gradients(logits, teacher, label, setting);
    return logits.map((z, i) => z - kd.steps.rate * (alpha * soft[i] + (1 - alpha) * hard[i]));
  }, student);
};

// KL, the soft term, cross-entropy, the loss, and the lengths of the gradients of the second and the third.
kd.terms = (student, teacher, label, setting) => {
  const { temperature: t, alpha, squared } = setting;
  const kl = kd.divergence(teacher, student, t);
  const [soft, hard] = [squared ? t ** 2 * kl : kl, -kd.logSoftmax(student, 1)[label]];
  const gradients = kd.gradients(student, teacher, label, setting);
  const [softLength, hardLength] = [gradients.soft, gradients.hard].map((gradient) => Math.hypot(...gradient));
  return { kl, soft, hard, total: alpha * soft + (1 - alpha) * hard, softLength, hardLength };
};

kd.moved = (logits, label, place) => logits.map((z, i) => (i === label ? place : z));

// The axes of the cut, the same for all settings: its first and last logit, and the largest loss. The cut holds the
// student, where the label alone would lead it, and, for each temperature, the place where T^2 KL is least: there the
// student's share of the true class is the teacher's. Both terms are convex in a logit, so they are largest at an end.
kd.cutEnds = (student, teacher, label) => {
  const settings = kd.range(61).map((k) => ({ temperature: 0.5 * 200 ** (k / 60), alpha: 1, squared: true }));
  const least = settings.map((setting) => kd.leastPlace(student, teacher, label, setting, -1e3, 1e3) ?? student[label]);
  const labelled = kd.stepped(student, teacher, label, { temperature: 1, alpha: 0, squared: true }, kd.steps.most)[label];
  const [low, high] = [Math.min(student[label], ...least), Math.max(student[label], labelled, ...least)];
  const room = Math.max(3, 0.4 * (high - low));
  const ends = [Math.floor(low - room), Math.ceil(high + room)];
  const losses = ends.flatMap((place) => {
    const terms = settings.map((setting) => kd.terms(kd.moved(student, label, place), teacher, label, setting));
    return terms.flatMap(({ soft, hard }) => [soft, hard]);
  });
  return [...ends, 1.03 * Math.max(...losses)];
};

// The logit of the true class where the loss is least, or null if it falls up to the end. By bisection of the
// derivative; the difference of two shares that are almost 1 is taken in what they leave to 1, which is exact.
kd.leastPlace = (student, teacher, label, { temperature: t, alpha, squared }, low, high) => {
  const rest = (p) => kd.sum(p.filter((_, i) => i !== label));
  const p = kd.softmax(teacher, t);
  const slope = (place) => {
    const z = kd.moved(student, label, place);
    const q = kd.softmax(z, t);
    const gap = p[label] < 0.5 ? q[label] - p[label] : rest(p) - rest(q);
    return alpha * (squared ? t : 1 / t) * gap - (1 - alpha) * rest(kd.softmax(z, 1));
  };
  if (slope(high) <= 0) return null;
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    [low, high] = slope(middle) < 0 ? [middle, high] : [low, middle];
  }
  return (low + high) / 2;
};

kd.sliders.loss = ({ student: first, teacher, label, labels, start }) => {
  const [low, high, most] = kd.cutEnds(first, teacher, label);
  const marks = { x: kd.round(low, high, 4).map((x) => [x]), y: kd.round(0, most, 2).map((y) => [y]) };
  const axes = kd.axes({ left: 34, right: 306, top: 24, floor: 108, x: [low, high], y: [0, most], marks });
  const places = kd.range(46).map((k) => low + ((high - low) * k) / 45);
  const name = labels[label];

  function plot(student, setting, { total }) {
    const { alpha, steps } = setting;
    const cut = places.map((place) => kd.terms(kd.moved(student, label, place), teacher, label, setting));
    const line = (height, kind) =>
      kd.curve(cut.map((terms, i) => [axes.across(places[i]), axes.up(Math.min(most, height(terms)))]), kind);
    const least = kd.leastPlace(student, teacher, label, setting, low, high);
    const said = least === null ? `no minimum up to ${high}` : `minimum at ${kd.minus(least.toFixed(2))}`;
    const here = student[label];
    return kd.picture(142,
      `Loss against the student’s logit of ${name}: ${kd.nats(total)} at ${kd.minus(here.toFixed(2))}, ${said}`,
      kd.text(0, 14, `Loss ${kd.nats(total)}${steps ? `, ${steps} steps` : ""}`, "kd-head"),
      kd.text(306, 14, said, "kd-end"),
      axes.grid,
      line(({ hard }) => (1 - alpha) * hard, "kd-hard"),
      line(({ soft }) => alpha * soft, "kd-soft"),
      line((terms) => terms.total, "kd-total"),
      least === null ? "" : kd.line(`M${kd.f(axes.across(least))},24V108`, "kd-line kd-dashed"),
      kd.dot(axes.across(here), axes.up(total), 6, "kd-distilled"),
      kd.text(170, 140, `student’s logit of ${kd.cut(name, 20)}, the true class`, "kd-middle"),
    );
  }

  function draw(setting) {
    const { temperature, alpha, squared, steps } = setting;
    const student = kd.stepped(first, teacher, label, setting, steps);
    const terms = kd.terms(student, teacher, label, setting);
    const [t, a, rest] = [kd.short(temperature), alpha.toFixed(2), (1 - alpha).toFixed(2)];
    const [soft, hard, total] = [terms.soft, terms.hard, terms.total].map(kd.nats);
    const groups = [["teacher", "kd-teacher", teacher], ["student", "kd-distilled", student]].map(([who, kind, z]) => ({
      name: who, kind, shares: kd.softmax(z, temperature),
    }));
    const title = `Shares at T = ${t}`;
    const number = (key) => `<b data-kd="${key}">${kd.nats(terms[key])}</b>`;
    const numbers = `<span>KL ${number("kl")}</span>
      <span>gradients: soft ${number("softLength")}, hard ${number("hardLength")}</span>`;
    const after = steps ? `<span class="kd-unseen">After ${steps} steps: </span>` : "";
    return {
      pictures: {
        bars: kd.bars({ title, labels, groups, bold: label, ticked: true, figures: true, room: 150 }),
        numbers: `<p class="kd-numbers">${numbers}</p>`,
        plot: plot(student, setting, terms) + kd.legend([
          ["kd-curve kd-total", "loss"],
          ["kd-curve kd-soft", squared ? "α T² KL" : "α KL\u2003\u2004"], // as wide, so that nothing moves
          ["kd-curve kd-hard", "(1 − α) cross-entropy"],
        ]),
      },
      said: `${after}Loss = ${a} × ${soft} + ${rest} × ${hard} = <b>${total}</b>.`,
      values: { temperature: `temperature ${t}, loss ${total}`, alpha: `alpha ${a}, loss ${total}` },
    };
  }

  const track = { left: 82, right: 308 };
  return {
    layout: [["bars", "numbers"], ["plot", "temperature", "alpha"], ["squared", "buttons"]],
    tracks: {
      temperature: kd.temperature({ ...track, places: [0.5, 1, 4, 20, 100] }),
      alpha: kd.track({
        ...track, label: "alpha", low: 0, high: 1, step: 0.01, value: kd.f,
        head: ({ alpha }) => `α = ${alpha.toFixed(2)}`, marks: kd.marks([0, 0.5, 1]),
      }),
    },
    choices: [{
      name: "squared", legend: "Factor",
      options: [{ value: true, words: "with T²" }, { value: false, words: "without T²" }],
    }],
    buttons: [
      { words: () => `${kd.steps.press} steps`,
        press: ({ steps }) => ({ steps: Math.min(kd.steps.most, steps + kd.steps.press) }) },
      kd.reset("Reset", start),
    ],
    draw,
  };
};
