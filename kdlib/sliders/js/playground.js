// The playground: a teacher and two students on points of the plane; one of them learns from labels alone.
// needs axes.js
// needs net.js
// needs train.js
// needs live.js
// needs plane.js
// needs address.js

// The two students of a setting, and the points that they are shown, of which the first have wrong labels.
kd.students = (train, classes, { labelled, noise, seed, ...setting }, recipe) => {
  const random = kd.seeded(seed);
  const points = kd.shuffled(train, random).slice(0, labelled).map((point, i) => {
    const wrong = i < Math.round(noise * labelled);
    const label = wrong ? (point.label + 1 + Math.floor(random() * (classes - 1))) % classes : point.label;
    return { ...point, label, wrong };
  });
  return { points, ...kd.alike(points, setting, random, recipe) };
};

// The share of points that are right.
kd.scored = (answer, points) => {
  const right = ({ x, label }, logits = answer(x)) => logits[label] === Math.max(...logits);
  return points.filter((point) => right(point)).length / points.length;
};

kd.sliders.playground = ({ stored, weights, layers, recipe, steps: last, every, linked, shared, start }) => {
  const names = ["teacher", "alone", "distilled"];
  const live = kd.live({
    stored: [stored], weights, read: (tensors) => tensors, last: () => last, every, rate: recipe.rate, pace: 5,
    key: ({ steps, ...setting }) => Object.values(setting).join(), begin, words, shown, idle: () => true,
    measure: ({ nets, test }) => nets.map((net) => kd.scored(answered(net), test)),
  });
  let [canvases, view, copied] = [{}, {}, {}];
  const answered = (net) => (x) => kd.answered(net, x).logits;

  // ---- a data set: its points, its teacher and what that says of them ----

  const grounds = {};
  function ground(name) {
    const rows = (kind) => live.set[`${name}.${kind}`].values;
    const points = (split) => Array.from(rows(`${split}_labels`), (label, i) =>
      ({ x: Float64Array.from(rows(`${split}_points`).subarray(2 * i, 2 * i + 2)), label }));
    const own = layers.map(([kind, layer]) => [kind, `${name}.${layer}`]);
    const answer = (x) => kd.logits(own, live.set, [2], x);
    const fresh = ([train, test]) => ({
      test, classes: answer(test[0].x).length, train: train.map((point) => ({ ...point, logits: answer(point.x) })),
      plane: kd.plane.map(answer), teacher: kd.scored(answer, test),
    });
    return grounds[name] ??= fresh(["train", "test"].map(points));
  }
  function begin(setting) {
    const { train, classes, ...about } = ground(setting.dataset);
    return { setting, ...about, ...kd.students(train, classes, setting, recipe) };
  }

  // ---- pictures ----

  // One student in a frame, in turn, and all three where training rests.
  function shown({ nets, step, plane, setting: { temperature } }, all) {
    if (all) kd.paintPlane(canvases.teacher, plane, temperature);
    for (const [m, net] of nets.entries()) {
      if (all || step % 2 === m) kd.paintPlane(canvases[names[m + 1]], kd.plane.map(answered(net)), temperature);
    }
  }
  const scores = () => (live.run ? [live.run.teacher, ...live.run.history.at(-1).of] : []);

  function plane(name, m) {
    const score = live.run ? kd.percent(scores()[m]) : "–";
    const inside = (x) => kd.clamp(x, -0.94, 0.94); // so that no mark hangs out of the square
    const at = ([x, y]) => [78 + 78 * inside(x), 98 - 78 * inside(y)];
    return kd.drawing(156, 176, `${name}, ${score} of the held-out points right`,
      `<text x="0" y="14" class="kd-head">${kd.mark(kd.kinds[name])} ${name}</text>`,
      kd.text(156, 14, score, "kd-end"), kd.box(0.5, 20.5, 155, 155, "kd-grid"),
      kd.scatter(live.run?.points ?? [], at));
  }

  function course() {
    const axes = kd.axes({ left: 46, right: 154, top: 26, floor: 152, x: [0, last], y: [0, 1],
      marks: { x: [[0], [last, ""]], y: [[0], [0.5, "50\u00a0%"], [1, "100\u00a0%"]] } });
    const [teacher] = scores();
    const history = live.run?.history ?? [];
    const at = (step, score) => [axes.across(step), axes.up(score)];
    const level = teacher === undefined ? [] : [at(0, teacher), at(last, teacher)];
    const curve = (m) => kd.curve(history.map(({ step, of }) => at(step, of[m])), kd.kinds[names[m + 1]]);
    return kd.drawing(156, 176, "Accuracy on held-out points, over the steps",
      kd.text(0, 14, "held-out accuracy", "kd-head"), axes.grid, kd.curve(level, "kd-dashed"),
      kd.text(154, 168, `${kd.count(last)} steps`, "kd-end"), curve(0), curve(1));
  }

  // ---- words and controls ----

  function words(setting) {
    if (!live.run) return "Loading the points, once: 22 kB.";
    if (!setting.steps) {
      return "Two students with the same first weights will see the same points. Press Train.";
    }
    const each = scores().map((score, m) => `${names[m]} ${kd.percent(score)}`);
    const steps = kd.plural(live.run.step, "step");
    return `After ${steps}, right on points that nobody trained on: ${each.join(", ")}.`;
  }

  function draw(setting) {
    live.follow(setting);
    const sure = `stronger colour: surer at T = ${kd.short(setting.temperature)}`;
    return {
      pictures: {
        ...Object.fromEntries(names.map((name, m) => [name, plane(name, m)])), course: course(),
        key: `<p class="kd-legend"><span>○ wrong label</span><span>${sure}</span></p>`,
      },
      said: kd.escape(`${isCopied(setting) ? copied.words : ""}${live.told(setting)}`),
    };
  }

  function attach(given) {
    live.attach((view = given));
    canvases = kd.planes(names, view.one);
  }
  const isCopied = (setting) => copied.address === kd.toAddress(linked, setting);
  const copy = {
    words: (setting) => (isCopied(setting) && copied.done ? "Copied" : "Copy link"),
    press(setting) {
      const address = kd.toAddress(linked, setting);
      const note = (done, words) => view.tell((copied = { address, done, words }));
      Promise.resolve().then(() => navigator.clipboard.writeText(address)) // which a page over plain http has not
        .then(() => note(true, "The link is copied. "), () => note(false, "The link is in the address bar. "));
      return {};
    },
  };
  const choice = (name, legend, write) => ({ name, legend, options: kd.options(linked[name], write) });
  return {
    layout: [["buttons", "teacher", "course", "alone", "distilled", "key"],
      ["temperature", "alpha", "said", "labelled", "noise", "hidden"]],
    tracks: {
      temperature: kd.temperature({ left: 82, places: [1, 2, 5, 10, 20] }),
      alpha: kd.track({ left: 82, label: "alpha", low: 0, high: 1, step: 0.01, key: 0.05, marks: kd.marks([0, 0.5, 1]),
        head: ({ alpha }) => `α = ${kd.f(alpha)}` }),
    },
    choices: [
      choice("dataset", "Data set"), choice("labelled", "Labelled points"), choice("noise", "Wrong labels", (share) => `${100 * share}\u00a0%`),
      choice("hidden", "Hidden units"),
    ],
    buttons: live.buttons(kd.reset("Reset", start), 1000, shared ? [copy] : []),
    attach,
    draw,
  };
};
