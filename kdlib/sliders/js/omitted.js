// The digit nobody showed: two networks train in the page without a class, and a bias brings it back in one of them.
// needs bars.js
// needs axes.js
// needs net.js
// needs train.js
// needs live.js
// needs pad.js

// Rows of numbers from 0 to 1, of bytes that hold two pixels of 4 bits each, the left one high.
kd.unpacked = ({ shape: [count, width], values }) => kd.range(count).map((row) =>
  Float64Array.from({ length: 2 * width }, (_, i) => ((values[row * width + (i >> 1)] >> (i % 2 ? 0 : 4)) & 15) / 15));

// Two networks without some classes: one learns labels, the other the teacher's shares at T alone.
kd.pupils = (train, { temperature, omitted, shown, seed }, { hidden, ...recipe }) => {
  const kept = train.slice(0, shown).filter(({ label }) => !omitted.includes(label));
  return kd.alike(kept, { hidden, temperature, alpha: 1 }, kd.seeded(seed), recipe);
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

kd.sliders.omitted = ({ digits, weights, recipe, steps: last, every, largest, choices, start }) => {
  const names = ["alone", "distilled"];
  const kinds = names.map((name) => kd.kinds[name]);
  const pad = kd.pad();
  const live = kd.live({
    stored: [digits], weights, read, last: () => last, every, rate: recipe.rate, begin, measure, words,
    key: ({ steps, bias, ...setting }) => Object.values(setting).join(),
  });

  function read(tensors) {
    const rows = (split) => kd.unpacked(tensors[`${split}_pixels`]).map((x, i) => ({ x, label: tensors[`${split}_labels`].values[i] }));
    const logits = (i) => [...tensors.train_logits.values.subarray(10 * i, 10 * i + 10)];
    return { train: rows("train").map((digit, i) => ({ ...digit, logits: logits(i) })), test: rows("test") };
  }
  function begin(setting) {
    const classes = setting.omitted.match(/\d/g).map(Number);
    const seen = live.set.test.filter(({ label }) => classes.includes(label)).slice(0, 4).map(pictured);
    return { classes, seen, ...kd.pupils(live.set.train, { ...setting, omitted: classes }, recipe) };
  }
  function measure({ nets, classes }) {
    return nets.map((net) => live.set.test.map(({ x, label }) => kd.margin(kd.answered(net, x).logits, classes, label)));
  }

  // ---- pictures ----

  const plural = (omitted) => omitted.replace(/\d/g, "$&s");
  const now = ({ bias }) => (live.run?.history.at(-1)?.of ?? []).map((answers) => kd.biased(answers, bias));
  // Curves of two shares over rows [place, shares by network].
  function curves({ across, up }, rows, dashed, solid) {
    const points = (name, m) => rows.map(([place, shares]) => [across(place), up(shares[m][name])]);
    return [[dashed, "kd-dashed"], [solid, ""]].map(([name, kind]) =>
      kinds.map((of, m) => kd.curve(points(name, m), `${of} ${kind}`)));
  }
  const legend = (solid, dashed) => kd.legend([...kinds.map((kind, m) => [kind, names[m]]),
    ["kd-curve kd-total", solid], ["kd-curve kd-total kd-dashed", dashed]]);
  const shares = [[0, "0"], [0.5, "50\u00a0%"], [1, "100\u00a0%"]];

  function course(setting) {
    const axes = kd.axes({ left: 52, right: 308, top: 26, floor: 116, x: [0, last], y: [0, 1],
      marks: { x: [[0], [last / 2, kd.count(last / 2)], [last, ""]], y: shares } });
    const found = (of) => of.map((answers) => kd.biased(answers, setting.bias));
    const rows = (live.run?.history ?? []).map(({ step, of }) => [step, found(of)]);
    const said = now(setting).map(({ all, found }, m) => `${names[m]} ${kd.percent(all)}, of the ${plural(setting.omitted)} ${kd.percent(found)}`);
    const title = `Right over training, at bias ${kd.signed(setting.bias, 2)}`;
    return kd.picture(134, `${title}. ${said.join("; ")}`, kd.text(0, 14, title, "kd-head"), axes.grid,
      kd.text(320, 132, `${kd.count(last)} steps`, "kd-end"), curves(axes, rows, "found", "all"));
  }

  function trade({ bias, omitted }) {
    const axes = kd.axes({ left: 52, right: 308, top: 8, floor: 102, x: [0, largest], y: [0, 1], marks: { y: shares } });
    const places = kd.range(live.run?.history.length ? 2 * largest + 1 : 0).map((k) => k / 2);
    const rows = places.map((place) => [place, now({ bias: place })]);
    return kd.picture(108, `Shares of ${plural(omitted)} found and of other digits lost, by bias`, axes.grid,
      curves(axes, rows, "lost", "found"), kd.line(`M${kd.f(axes.across(bias))},4V102`, "kd-line kd-cut"));
  }

  function bars(setting) {
    const labels = ["all right", `${setting.omitted.replace(" and ", ", ")} found`, "others lost"];
    const [zero, of] = [{ all: 0, found: 0, lost: 0 }, now(setting)];
    const groups = names.map((name, m) => ({ name, shares: Object.values(of[m] ?? zero) }));
    return kd.bars({ title: "Test digits", labels, groups, figures: true, room: 84, write: of.length ? kd.percent : () => "–" });
  }

  const pictured = ({ x }) => ({ x, picture: kd.pictureOf(x.map((ink) => 255 * ink), [14, 14]) });
  // What lies on the paper, as small and coarse as the stored digits; nothing where that is none.
  function drawn() {
    const digit = pad.digit();
    return digit ? [pictured({ x: Float64Array.from(kd.resized(digit, [28, 28], [14, 14]), (ink) => Math.round(ink / 17) / 15) })] : [];
  }

  // The softened answers of both networks to some digits, and an answer in words.
  function answers(digits, { temperature, bias }) {
    if (live.run?.broken !== false) return [];
    const { nets, classes } = live.run;
    const moved = (net, x) => Array.from(kd.answered(net, x).logits, (z, k) => z + bias * classes.includes(k));
    return digits.map(({ x, picture }) => ({ picture, rows: nets.map((net) => kd.softmax(moved(net, x), temperature)) }));
  }
  const inWords = ({ rows }) => rows.map((row, m) => `${names[m]} ${kd.likeliest(row)} ${kd.percent(Math.max(...row))}`).join(", ");
  const own = (setting) => answers(drawn(), setting).map((digit) => `your drawing: ${inWords(digit)}`);

  // Four digits that neither network has seen and the reader's own, with these answers.
  function seen(setting) {
    const [left, wide, high] = [46, 21, 34];
    const classes = setting.omitted.match(/\d/g).map(Number);
    const digits = answers([...(live.run?.seen ?? []), ...drawn()], setting);
    const most = Math.max(0.2, ...digits.flatMap(({ rows }) => rows.flat()));
    const parts = kd.range(5).map((i) => {
      const floor = 24 + (high + 6) * i + high;
      const { picture, rows } = digits[i] ?? {};
      return !rows ? kd.box(0, floor - high, high, high, "kd-room") : [
        `<image href="${picture}" x="0" y="${floor - high}" width="${high}" height="${high}" class="kd-pixels"/>`,
        kd.line(`M${left},${floor}h${10 * wide}`, "kd-line kd-faint"),
        ...rows.flatMap((row, m) => row.map((q, k) =>
          kd.box(left + wide * k + 2 + 9 * m, floor - (high * q) / most, 8, (high * q) / most, kinds[m]))),
        ...rows.map((row, m) => `<text x="${288 + 32 * m}" y="${floor - 12}" class="kd-end">${kd.mark(kinds[m])} ${kd.likeliest(row)}</text>`),
      ];
    });
    const said = [...digits.slice(0, 4).map(inWords), ...own(setting)];
    const floor = 24 + 5 * (high + 6);
    return kd.picture(floor + 16, `${plural(setting.omitted)} never shown, and the largest softened shares: ${said.join("; ")}`,
      kd.text(0, 14, `Never shown: shares at T = ${kd.short(setting.temperature)}`, "kd-head"), kd.text(320, 14, "says", "kd-end"),
      classes.map((k) => kd.box(left + wide * k, 20, wide - 1, floor - 22, "kd-room")), parts,
      kd.range(10).map((k) => kd.text(left + wide * (k + 0.5), floor + 10, String(k), `kd-middle ${classes.includes(k) ? "kd-head" : ""}`)));
  }

  // ---- words and controls ----

  function words(setting) {
    const digits = plural(setting.omitted);
    if (!setting.steps) return `Neither network will see any of the ${digits}. Press Train: it takes a few seconds.`;
    if (!live.run) return "Loading the digits, once: 450 kB.";
    const found = now(setting).map(({ all, found, lost }, m) =>
      `${names[m]} finds ${kd.percent(found)} of them, loses ${kd.percent(lost)} of the others and has ${kd.percent(all)} right`);
    const when = `After ${kd.plural(live.run.step, "step")} without the ${digits}`;
    return `${when}, at bias ${kd.signed(setting.bias, 2)}: ${[...found, ...own(setting)].join("; ")}.`;
  }

  function draw(setting) {
    live.follow(setting);
    const found = now(setting).map((of, m) => `, ${names[m]} finds ${kd.percent(of.found)}`);
    return {
      pictures: {
        course: legend("all digits", plural(setting.omitted)) + course(setting),
        trade: legend(`${plural(setting.omitted)} found`, "others lost") + trade(setting),
        bars: bars(setting), seen: seen(setting), pad: pad.picture(),
      },
      said: kd.escape(live.told(setting)),
      values: { bias: `bias ${kd.signed(setting.bias, 2)}${found.join("")}` },
    };
  }

  return {
    layout: [["temperature", "course", "buttons", "trade", "bias"], ["bars", "seen", "pad", "said"]],
    tracks: {
      temperature: kd.temperature({ left: 82, places: [1, 2, 5, 10, 20] }),
      bias: kd.track({
        left: 52, above: true, label: "bias", low: 0, high: largest, step: 0.25, marks: kd.marks([0, largest / 2, largest]),
        head: ({ bias, omitted }) => `Bias of the ${plural(omitted)}: ${kd.signed(bias, 2)}`,
      }),
    },
    choices: [
      { name: "omitted", legend: "Leave out", options: kd.options(choices.omitted) },
      { name: "shown", legend: "Training digits", options: kd.options(choices.shown, kd.count) },
    ],
    buttons: live.buttons(kd.reset("Reset", start), 1000, [{ words: () => "Clear", press: pad.clear }]),
    attach: (view) => [live, pad].forEach((part) => part.attach(view)),
    draw,
  };
};
