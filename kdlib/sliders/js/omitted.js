// The digit nobody showed: two networks train in the page without a class, and a bias brings it back in one of them.
// needs net.js
// needs train.js

kd.work = 12; // milliseconds of training in a frame, so that the page still moves

// Two networks with the same first weights: one learns labels, the other the teacher's shares at T. `advance` is one
// step of both, on the same digits in the same order.
kd.pupils = (train, { temperature, omitted, shown, seed }, { hidden, batch, ...recipe }) => {
  const random = kd.seeded(seed);
  const first = kd.net([train[0].x.length, hidden, 10], random);
  const kept = train.slice(0, shown).filter(({ label }) => !omitted.includes(label));
  const pupil = (t, target) => ({
    net: structuredClone(first), velocity: kd.zeros(first), t, rows: kept.map((digit) => ({ x: digit.x, target: target(digit) })),
  });
  const pupils = [
    pupil(1, ({ label }) => kd.range(10).map((k) => Number(k === label))),
    pupil(temperature, ({ logits }) => kd.softmax(logits, temperature)),
  ];
  let order = [];
  const advance = () => {
    if (order.length < batch) order = kd.shuffled(kd.range(kept.length), random);
    const now = order.splice(0, batch);
    for (const { net, velocity, t, rows } of pupils) kd.descend(net, velocity, now.map((i) => rows[i]), t, recipe);
  };
  return { nets: pupils.map(({ net }) => net), advance };
};

// What counts of an answer: is the digit of an omitted class, is it the likeliest among its kind, and by how much the
// others are ahead of the omitted classes. A bias above that margin turns the answer.
kd.margin = (logits, classes, label) => {
  const best = (omitted) => Math.max(...logits.filter((_, k) => classes.includes(k) === omitted));
  const own = classes.includes(label);
  return { own, likeliest: logits[label] === best(own), margin: best(false) - best(true) };
};

// Shares at a bias: of all digits right, of the omitted ones found, of the others lost that were right without it.
kd.biased = (answers, bias) => {
  const right = ({ own, likeliest, margin }, b) => likeliest && (own ? b > margin : b <= margin);
  const share = (some, test) => some.filter(test).length / some.length;
  return {
    all: share(answers, (answer) => right(answer, bias)),
    found: share(answers.filter(({ own }) => own), (answer) => right(answer, bias)),
    lost: share(answers.filter(({ own }) => !own), (answer) => right(answer, 0) && !right(answer, bias)),
  };
};

kd.sliders.omitted = ({ digits, weights = {}, recipe, steps: last, every, largest, choices, start }) => {
  Object.assign(kd.stored, weights);
  const [names, kinds] = [["alone", "distilled"], ["kd-scratch", "kd-distilled"]];
  let [repaint, live] = [() => {}, {}];
  let [problem, set, run] = ["", null, null]; // why there are no digits; the digits; the networks and how they did
  let [wanted, waiting] = [null, false]; // the settings that training follows; whether a frame is asked for

  function read() {
    const tensors = kd.tensors(kd.stored[digits]);
    const rows = (split) => kd.unpacked(tensors[`${split}_pixels`]).map((x, i) => ({ x, label: tensors[`${split}_labels`].values[i] }));
    const logits = (i) => [...tensors.train_logits.values.subarray(10 * i, 10 * i + 10)];
    return { train: rows("train").map((digit, i) => ({ ...digit, logits: logits(i) })), test: rows("test") };
  }

  // ---- training: a function of the settings, however the steps are spread over frames ----

  function begin({ temperature, omitted, shown, seed }) {
    const classes = omitted.match(/\d/g).map(Number);
    const { nets, advance } = kd.pupils(set.train, { temperature, omitted: classes, shown, seed }, recipe);
    const seen = set.test.filter(({ label }) => classes.includes(label)).slice(0, 4)
      .map(({ x }) => ({ x, picture: kd.pictureOf(x.map((ink) => 255 * ink), [14, 14]) }));
    return { key: key({ temperature, omitted, shown, seed }), classes, nets, advance, seen, step: 0, history: [], broken: false };
  }
  const key = ({ temperature, omitted, shown, seed }) => [temperature, omitted, shown, seed].join();
  const due = ({ steps }) => !measured() && (run.step % every === 0 || run.step === steps);
  const measured = () => run.history.at(-1)?.step === run.step;
  const stale = (setting) => run?.key !== key(setting) || run.step > setting.steps;
  const busy = (setting) => !problem && setting.steps > 0
    && (stale(setting) || (!run.broken && (run.step < setting.steps || !measured())));

  // Some milliseconds of training, or one measurement, which takes as long; and painted when there is something new.
  function tick() {
    waiting = false;
    if (!live.closest(".kd-slider") || !busy(wanted)) return; // the view was disposed of, or stopped
    const until = performance.now() + kd.work;
    const measure = due(wanted);
    if (measure) run.history.push({ step: run.step, answers: run.nets.map(answers) });
    while (!measure && busy(wanted) && !due(wanted) && performance.now() < until) {
      run.advance();
      run.step += 1;
      run.broken = run.nets.some((net) => Number.isNaN(net[1].bias[0])); // where one is, all soon are
    }
    if (measure || run.broken) repaint();
    if (busy(wanted)) ask();
    else live.textContent = words(wanted);
  }
  const answers = (net) => set.test.map(({ x, label }) => kd.margin(kd.answered(net, x).logits, run.classes, label));
  function ask() {
    if (!waiting) requestAnimationFrame(tick);
    waiting = true;
  }

  // What the settings ask for: nothing, the digits, or training from the start or from where it is.
  function follow(setting) {
    wanted = setting;
    if (!setting.steps) run = null;
    else if (!kd.stored[digits] && !problem) {
      kd.fetched(digits).catch((error) => (problem = live.textContent = error.message)).then(() => repaint());
    } else if (busy(setting)) {
      set ??= read();
      if (stale(setting)) run = begin(setting);
      ask();
    }
  }

  // ---- pictures ----

  const count = (number) => number.toLocaleString("en");
  const plural = (omitted) => omitted.replace(/\d/g, "$&s");
  const now = ({ bias }) => (run?.history.at(-1)?.answers ?? []).map((answers) => kd.biased(answers, bias));
  const curves = (points, kind) => points.map((of, m) => kd.curve(of, `${kinds[m]} ${kind}`));
  const legend = (solid, dashed) => kd.legend([...kinds.map((kind, m) => [kind, names[m]]),
    ["kd-curve kd-total", solid], ["kd-curve kd-total kd-dashed", dashed]]);
  const shares = [[0, "0"], [0.5, "50\u00a0%"], [1, "100\u00a0%"]];

  function course(setting) {
    const axes = kd.axes({ left: 52, right: 308, top: 26, floor: 116, x: [0, last], y: [0, 1],
      marks: { x: [[0], [last / 2, count(last / 2)], [last, ""]], y: shares } });
    const found = (run?.history ?? []).map(({ step, answers }) => ({ step, of: answers.map((each) => kd.biased(each, setting.bias)) }));
    const points = (name) => names.map((_, m) => found.map(({ step, of }) => [axes.across(step), axes.up(of[m][name])]));
    const said = now(setting).map(({ all, found }, m) => `${names[m]} ${kd.percent(all)}, of the ${plural(setting.omitted)} ${kd.percent(found)}`);
    const title = `Right over training, at bias ${kd.signed(setting.bias, 2)}`;
    return kd.picture(134, `${title}. ${said.join("; ")}`, kd.text(0, 14, title, "kd-head"), axes.grid,
      kd.text(320, 132, `${count(last)} steps`, "kd-end"), curves(points("found"), "kd-dashed"), curves(points("all"), ""));
  }

  function trade({ bias, omitted }) {
    const axes = kd.axes({ left: 52, right: 308, top: 8, floor: 102, x: [0, largest], y: [0, 1], marks: { y: shares } });
    const answers = run?.history.at(-1)?.answers ?? [];
    const found = answers.map((each) => kd.range(2 * largest + 1).map((k) => [k / 2, kd.biased(each, k / 2)]));
    const points = (name) => found.map((of) => of.map(([at, shares]) => [axes.across(at), axes.up(shares[name])]));
    return kd.picture(108, `Shares of ${plural(omitted)} found and of other digits lost, by bias`, axes.grid,
      curves(points("lost"), "kd-dashed"), curves(points("found"), ""),
      kd.line(`M${kd.f(axes.across(bias))},4V102`, "kd-line kd-cut"));
  }

  function bars(setting) {
    const labels = ["all right", `${setting.omitted.replace(" and ", ", ")} found`, "others lost"];
    const [zero, of] = [{ all: 0, found: 0, lost: 0 }, now(setting)];
    const groups = names.map((name, m) => ({ name, kind: kinds[m], shares: Object.values(of[m] ?? zero) }));
    return kd.bars({ title: "Test digits", labels, groups, figures: true, room: 84, write: of.length ? kd.percent : () => "–" });
  }

  // Four digits that neither network has seen, and the softened answers of both.
  function seen({ temperature, bias, omitted }) {
    const [left, wide, high] = [46, 21, 34];
    const classes = omitted.match(/\d/g).map(Number);
    const answer = (net, x) => kd.softmax(Array.from(kd.answered(net, x).logits, (z, k) => z + bias * classes.includes(k)), temperature);
    const digits = (run && !run.broken ? run.seen : []).map(({ x, picture }) => ({ picture, rows: run.nets.map((net) => answer(net, x)) }));
    const most = Math.max(0.2, ...digits.flatMap(({ rows }) => rows.flat()));
    const top = (row) => row.indexOf(Math.max(...row));
    const parts = kd.range(4).map((i) => {
      const floor = 24 + (high + 6) * i + high;
      const { picture, rows } = digits[i] ?? {};
      return !rows ? kd.box(0, floor - high, high, high, "kd-room") : [
        `<image href="${picture}" x="0" y="${floor - high}" width="${high}" height="${high}" class="kd-pixels"/>`,
        kd.line(`M${left},${floor}h${10 * wide}`, "kd-line kd-faint"),
        ...rows.flatMap((row, m) => row.map((q, k) =>
          kd.box(left + wide * k + 2 + 9 * m, floor - (high * q) / most, 8, (high * q) / most, kinds[m]))),
        ...rows.map((row, m) => `<text x="${288 + 32 * m}" y="${floor - 12}" class="kd-end"><tspan class="${kinds[m]}">■</tspan> ${top(row)}</text>`),
      ];
    });
    const said = digits.map(({ rows }) => rows.map((row, m) => `${names[m]} ${top(row)} ${kd.percent(Math.max(...row))}`).join(", "));
    const floor = 24 + 4 * (high + 6);
    return kd.picture(floor + 16, `${plural(omitted)} never shown, and the largest softened shares: ${said.join("; ")}`,
      kd.text(0, 14, `Never shown: shares at T = ${kd.short(temperature)}`, "kd-head"), kd.text(320, 14, "says", "kd-end"),
      classes.map((k) => kd.box(left + wide * k, 20, wide - 1, floor - 22, "kd-room")), parts,
      kd.range(10).map((k) => kd.text(left + wide * (k + 0.5), floor + 10, String(k), `kd-middle ${classes.includes(k) ? "kd-head" : ""}`)));
  }

  // ---- words and controls ----

  function words(setting) {
    const digits = plural(setting.omitted);
    if (problem) return `${problem}. Reload the page with a network.`;
    if (!setting.steps) return `Neither network will see any of the ${digits}. Press Train: it takes a few seconds.`;
    if (!run) return "Loading the digits, once: 450 kB.";
    if (run.broken) return `At step ${run.step} a weight became NaN: the learning rate ${recipe.rate} is too large here.`;
    if (busy(setting)) return `Training: step ${count(run.step)} of ${count(setting.steps)}, without the ${digits}.`;
    const found = now(setting).map(({ all, found, lost }, m) =>
      `${names[m]} finds ${kd.percent(found)} of them, loses ${kd.percent(lost)} of the others and has ${kd.percent(all)} right`);
    return `After ${run.step === 1 ? "1 step" : `${count(run.step)} steps`} without the ${digits}, at bias ${kd.signed(setting.bias, 2)}: ${found.join("; ")}.`;
  }

  function draw(setting) {
    follow(setting);
    const found = now(setting).map((of, m) => `, ${names[m]} finds ${kd.percent(of.found)}`);
    return {
      pictures: {
        course: legend("all digits", plural(setting.omitted)) + course(setting),
        trade: legend(`${plural(setting.omitted)} found`, "others lost") + trade(setting),
        bars: bars(setting), seen: seen(setting),
      },
      said: kd.escape(words(setting)),
      values: { temperature: `temperature ${kd.short(setting.temperature)}`, bias: `bias ${kd.signed(setting.bias, 2)}${found.join("")}` },
    };
  }

  function press(setting) {
    if (busy(setting)) return { steps: run?.step ?? 0 };
    if (run?.broken || run?.step === last) run = null; // once more from the beginning
    repaint();
    return { steps: last };
  }
  const options = (values, write = String) => values.map((value) => ({ value, words: write(value) }));
  return {
    layout: [["temperature", "course", "buttons", "trade", "bias"], ["bars", "seen", "said"]],
    tracks: {
      temperature: kd.temperature({ left: 82, low: 0, high: Math.log10(20), marks: kd.marks([1, 2, 5, 10, 20], Math.log10) }),
      bias: kd.track({
        left: 52, above: true, label: "bias", low: 0, high: largest, step: 0.25, marks: kd.marks([0, largest / 2, largest]),
        head: ({ bias, omitted }) => `Bias of the ${plural(omitted)}: ${kd.signed(bias, 2)}`,
      }),
    },
    choices: [
      { name: "omitted", legend: "Leave out", options: options(choices.omitted) },
      { name: "shown", legend: "Training digits", options: options(choices.shown, count) },
    ],
    buttons: [
      { words: (setting) => (busy(setting) ? "Stop" : run?.step === last ? "Train again" : "Train"), press },
      { words: () => "Step", press: () => ({ steps: kd.clamp((run?.step ?? 0) + 1, 1, last) }) },
      { words: () => "New seed", press: ({ seed }) => ({ seed: (seed + 1) % 1000, steps: last }) },
      kd.reset("Reset", start),
    ],
    attach: ({ one, later }) => { [repaint, live] = [later, one("live")]; },
    draw,
  };
};
