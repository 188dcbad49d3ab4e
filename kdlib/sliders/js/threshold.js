// A threshold between two classes: what it gets wrong, how many, and its point on the ROC curve.
// needs axes.js

// Of the counts of one model, [negative, positive] by bin: how many the threshold at place `i` misses and alarms.
// The bins up to the threshold are called negative, bin 0 and bin i among them.
kd.mistakes = ([negatives, positives], i) => {
  const [missed, alarms] = [kd.sum(positives.slice(0, i + 1)), kd.sum(negatives.slice(i + 1))];
  const [ill, well] = [kd.sum(positives), kd.sum(negatives)];
  return {
    missed,
    alarms,
    ill,
    well,
    sensitivity: 1 - missed / ill,
    specificity: 1 - alarms / well,
    accuracy: 1 - (missed + alarms) / (ill + well),
  };
};

kd.sliders.threshold = ({ places, classes, counts, enough }) => {
  const { limit, step } = places;
  const [negative, positive] = classes;
  const splits = Object.keys(counts);
  const models = Object.keys(counts[splits[0]]);
  const last = (2 * limit) / step; // the highest place
  const place = (threshold) => Math.round((threshold + limit) / step);

  // ---- the log-odds: a bar a unit, the positives upwards and the negatives downwards, mistakes filled ----

  const [left, right, middle] = [14, 306, 90];
  const across = kd.scale(-limit, limit, left, right);
  const wide = across(1) - across(0) - 1;
  // The bins of each bar; what lies beyond the limits has a bar of its own at either end.
  const inner = kd.range(2 * limit).map((k) => kd.range(1 / step).map((j) => k / step + j + 1));
  const groups = [[0], ...inner, [last + 1]];
  const total = (bins, group) => kd.sum(group.map((bin) => bins[bin]));

  function side(bins, wrong, room, kind) {
    const unit = room / Math.max(...groups.map((group) => total(bins, group)));
    return groups.map((group, k) => {
      const bar = (of, name) => {
        const height = unit * total(bins, of); // below zero for those that hang down
        const [x, y] = [across(k - limit - 1) + 0.5, middle - Math.max(0, height)];
        return height ? kd.box(x, y, wide, Math.abs(height), name) : "";
      };
      return bar(group, `${kind} kd-pale`) + bar(group.filter(wrong), kind);
    });
  }

  function bars({ split, model, threshold }, { missed, alarms, ill, well }) {
    const [negatives, positives] = counts[split][model];
    const i = place(threshold);
    const x = kd.f(across(threshold));
    const above = [`${missed} missed`, `${ill} ${kd.cut(positive, 20)}`];
    const below = [`${well} ${kd.cut(negative, 20)}`, kd.plural(alarms, "false alarm")];
    return kd.picture(
      158,
      `Log-odds of the ${model} on ${split}: ${above[1]}, ${above[0]}; ${below.join(", ")}`,
      kd.text(0, 14, above[0]),
      kd.text(320, 14, above[1], "kd-end kd-head"),
      side(positives, (bin) => bin <= i, 68, kd.kinds[model]),
      side(negatives, (bin) => bin > i, -46, kd.kinds[model]),
      kd.line(`M0,${middle}H320`, "kd-line"),
      kd.line(`M${x},20V140`, "kd-line kd-cut"),
      kd.text(0, 152, below[0], "kd-head"),
      kd.text(320, 152, below[1], "kd-end"),
    );
  }

  // ---- the ROC curve: of all places, from none called negative to all ----

  const marks = { x: [[0], [0.5], [1]], y: [[0.5], [1]] };
  const axes = kd.axes({ left: 30, right: 150, top: 22, floor: 142, x: [0, 1], y: [0, 1], marks });
  const at = ({ sensitivity, specificity }) => [axes.across(1 - specificity), axes.up(sensitivity)];
  const points = (pair) => kd.range(last + 3).map((k) => at(kd.mistakes(pair, k - 1)));
  const curves = Object.values(counts).map((of) => Object.values(of).map(points)); // by split and model

  function rocPicture({ split, model }, found) {
    const of = curves[splits.indexOf(split)];
    const [height, across] = [found.sensitivity, 1 - found.specificity].map(kd.percent);
    return kd.drawing(
      160,
      178,
      `ROC curve of the ${model} on ${split}: sensitivity ${height} where 1 − specificity is ${across}`,
      kd.text(0, 14, "sensitivity"),
      axes.grid,
      models.map((other, m) => (other === model ? "" : kd.curve(of[m], `${kd.kinds[other]} kd-faint`))),
      kd.curve(of[models.indexOf(model)], kd.kinds[model]),
      kd.dot(...at(found), 6, kd.kinds[model]),
      kd.text(90, 174, "1 − specificity", "kd-middle"),
    );
  }

  function draw(setting) {
    const { threshold, split, model } = setting;
    const found = kd.mistakes(counts[split][model], place(threshold));
    const { missed, ill, well } = found;
    const alarms = kd.plural(found.alarms, "false alarm");
    const share = (name) => `<span>${name} <b>${kd.escape(kd.percent(found[name]))}</b></span>`;
    return {
      pictures: { bars: bars(setting, found), roc: rocPicture(setting, found) },
      said: `<span class="kd-big">Misses <b>${missed} of ${ill}</b> with ${kd.escape(positive)}.</span>
        <span class="kd-big"><b>${alarms}</b> among ${well} ${kd.escape(negative)}.</span>
        ${["sensitivity", "specificity", "accuracy"].map(share).join(" ")}`,
      values: {
        threshold: `${kd.signed(threshold, 2)}, misses ${missed} of ${ill}, ${alarms} among ${well}`,
      },
    };
  }

  const choice = (name, legend, values) => {
    return values.length < 2 ? [] : [{ name, legend, options: kd.options(values) }];
  };
  const find = {
    words: () => `${enough.percent}\u00a0% sensitivity on validation`,
    press: ({ model }) => ({ threshold: enough.places[model] }),
  };
  return {
    layout: [["bars", "threshold"], ["roc", "said", "buttons"]],
    tracks: {
      threshold: kd.track({
        left, right, above: true, label: "threshold", low: -limit, high: limit, step,
        head: ({ threshold }) => `Log-odds above ${kd.signed(threshold, 2)}: says ${kd.cut(positive, 16)}`,
        marks: [-1, -0.5, 0, 0.5, 1].map((k) => [limit * k, kd.minus(limit * k), "kd-middle"]),
      }),
    },
    choices: [...choice("split", "Split", splits), ...choice("model", "Model", models)],
    buttons: [...(splits.includes("validation") ? [find] : []), kd.reset("One half", { threshold: 0 })],
    draw,
  };
};
