// A small network that is trained in the page: one hidden layer with ReLU, in doubles. Plain loops over typed arrays;
// what adds up in the same order gives the same bits.

// Numbers from 0 to 1 from a seed, the same in every browser: mulberry32, in the public domain.
kd.seeded = (seed) => {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

kd.shuffled = (values, random) => {
  const deck = [...values];
  for (let i = deck.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [deck[i], deck[j]] = [deck[j], deck[i]];
  }
  return deck;
};

// Layers of random weights, as PyTorch draws them. The weights of one input lie together: a black pixel is skipped.
kd.net = (sizes, random) => sizes.slice(1).map((to, l) => {
  const draw = (count) => Float64Array.from({ length: count }, () => (2 * random() - 1) / Math.sqrt(sizes[l]));
  return { weight: draw(sizes[l] * to), bias: draw(to) };
});
kd.zeros = (net) => net.map(({ weight, bias }) => ({ weight: weight.map(() => 0), bias: bias.map(() => 0) }));

kd.affine = ({ weight, bias }, x) => {
  const out = bias.slice();
  const count = out.length;
  for (let i = 0; i < x.length; i++) {
    const value = x[i];
    if (value === 0) continue;
    for (let j = 0, at = i * count; j < count; j++, at++) out[j] += value * weight[at];
  }
  return out;
};

// What two layers answer to x.
kd.answered = ([first, second], x) => {
  const hidden = kd.affine(first, x);
  for (let j = 0; j < hidden.length; j++) if (hidden[j] < 0) hidden[j] = 0; // NaN stays
  return { hidden, logits: kd.affine(second, hidden) };
};

// The slope of a layer's weights, added to `sums`: what flows back is `slope`.
kd.addSlope = ({ weight, bias }, x, slope) => {
  const count = slope.length;
  for (let i = 0; i < x.length; i++) {
    const value = x[i];
    if (value === 0) continue;
    for (let j = 0, at = i * count; j < count; j++, at++) weight[at] += value * slope[j];
  }
  for (let j = 0; j < count; j++) bias[j] += slope[j];
};

// Adds to `sums` the gradient of the mean loss over a batch of { x, target, label, alpha }, where a target holds shares
// at T. The loss is alpha T^2 KL(target || softmax(z / T)) - (1 - alpha) log softmax(z)[label], and its slope in the
// logits alpha T (softmax(z / T) - target) + (1 - alpha) (softmax(z) - label). Without alpha the target alone counts:
// with a one for the label and T = 1 that is the cross-entropy.
kd.addGradient = (sums, net, batch, t) => {
  const [, second] = net;
  for (const { x, target, label, alpha = 1 } of batch) {
    const { hidden, logits } = kd.answered(net, x);
    const soft = kd.softmax(logits, t);
    const hard = alpha < 1 ? kd.softmax(logits, 1) : target;
    const slope = soft.map((q, k) =>
      (alpha * t * (q - target[k]) + (1 - alpha) * (hard[k] - Number(k === label))) / batch.length);
    const back = hidden.map((h, j) => {
      if (h === 0) return 0;
      let total = 0;
      for (let k = 0; k < slope.length; k++) total += slope[k] * second.weight[j * slope.length + k];
      return total;
    });
    kd.addSlope(sums[1], hidden, slope);
    kd.addSlope(sums[0], x, back);
  }
};

// A step of gradient descent with momentum, as PyTorch takes it: v = momentum v + gradient; weights = weights - rate v.
kd.descend = (net, velocity, batch, t, { rate, momentum }) => {
  const parts = (layers) => layers.flatMap(({ weight, bias }) => [weight, bias]);
  for (const v of parts(velocity)) for (let i = 0; i < v.length; i++) v[i] *= momentum;
  kd.addGradient(velocity, net, batch, t);
  const all = parts(velocity);
  for (const [p, w] of parts(net).entries()) for (let i = 0; i < w.length; i++) w[i] -= rate * all[p][i];
};

// Two students with the same first weights, on the same examples { x, label, logits }: one learns labels, the
// other the teacher's shares at T, with the weight alpha beside labels. `advance` is one step of both.
kd.alike = (examples, { hidden, temperature, alpha }, random, { batch, ...recipe }) => {
  const [{ x: { length: inputs }, logits: { length: classes } }] = examples;
  const first = kd.net([inputs, hidden, classes], random);
  const student = (t, rows) => ({ net: structuredClone(first), velocity: kd.zeros(first), t, rows });
  const students = [
    student(1, examples.map(({ x, label }) => ({ x, target: kd.oneHot(label, classes) }))),
    student(temperature, examples.map(({ x, label, logits }) =>
      ({ x, label, alpha, target: kd.softmax(logits, temperature) }))),
  ];
  let order = [];
  const advance = () => {
    if (order.length < batch) order = kd.shuffled(kd.range(examples.length), random);
    const now = order.splice(0, batch);
    for (const { net, velocity, t, rows } of students) kd.descend(net, velocity, now.map((i) => rows[i]), t, recipe);
  };
  return { nets: students.map(({ net }) => net), advance };
};
kd.oneHot = (label, classes) => kd.range(classes).map((k) => Number(k === label));
