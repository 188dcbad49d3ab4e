// Forward and reverse: one bell for a teacher of two, and what each divergence says of it.
// needs axes.js

kd.line121 = kd.range(121).map((i) => (i - 60) / 10); // where the densities are looked at

// Logarithms of shares at these places: of bells [weight, mean, width], added up.
kd.bells = (bells) => {
  const rows = bells.map(([weight, mean, width]) =>
    kd.line121.map((x) => Math.log(weight / width) - ((x - mean) / width) ** 2 / 2));
  const each = kd.line121.map((_, i) => {
    const top = Math.max(...rows.map((row) => row[i]));
    return top + Math.log(kd.sum(rows.map((row) => Math.exp(row[i] - top))));
  });
  return kd.logSoftmax(each, 1);
};

kd.apart = {
  forward: (p, q) => kd.sum(p.map((x, i) => Math.exp(x) * (x - q[i]))),
  reverse: (p, q) => kd.apart.forward(q, p),
  "Jensen-Shannon": (p, q) => {
    const middle = p.map((x, i) => Math.log((Math.exp(x) + Math.exp(q[i])) / 2));
    return (kd.apart.forward(p, middle) + kd.apart.forward(q, middle)) / 2;
  },
};

kd.sliders.mixture = ({ bells, low, high, start }) => {
  const p = kd.bells(bells);
  const most = 1.9 * Math.max(...p.map(Math.exp));
  const student = ({ mean, width }) => kd.bells([[1, mean, width]]);
  const apart = (setting, kind = setting.divergence) => Math.max(0, kd.apart[kind](p, student(setting)));
  const marks = { x: [-4, -2, 0, 2, 4].map((x) => [x]) };

  // Downhill in small steps from where it stands, until no step of a hundredth helps.
  function descended(setting) {
    let [now, least] = [setting, apart(setting)];
    for (const step of [0.1, 0.03, 0.01]) {
      for (let moved = true; moved;) {
        moved = false;
        for (const [down, across] of [[step, 0], [-step, 0], [0, step], [0, -step]]) {
          const [mean, width] = [kd.clamp(now.mean + down, -4, 4), kd.clamp(now.width + across, low, high)];
          const next = { ...now, mean: kd.f(mean), width: kd.f(width) };
          const value = apart(next);
          if (value < least - 1e-9) [now, least, moved] = [next, value, true];
        }
      }
    }
    return { mean: now.mean, width: now.width };
  }

  function plot(setting) {
    const axes = kd.axes({ left: 12, right: 308, top: 6, floor: 126, x: [-6, 6], y: [0, most], marks });
    const at = (log) => log.map((x, i) => [axes.across(kd.line121[i]), axes.up(Math.min(most, Math.exp(x)))]);
    const area = [[12, 126], ...at(p), [308, 126]];
    return kd.legend([["kd-curve kd-teacher", "teacher"], ["kd-curve kd-distilled", "student"]]) + kd.picture(
      146, `The teacher’s two bells and the student’s one, at ${setting.mean}, ${setting.width} wide`, axes.grid,
      `<polygon points="${kd.points(area)}" class="kd-area"/>`, kd.curve(at(p), "kd-teacher"), kd.curve(at(student(setting)), "kd-distilled"));
  }

  // The divergence over the student's place, at its width.
  function hill(setting) {
    const places = kd.range(81).map((i) => (i - 40) / 10);
    const values = places.map((mean) => apart({ ...setting, mean }));
    const top = Math.max(0.1, Math.min(Math.max(6, 2 * Math.min(...values)), Math.max(...values)));
    const axes = kd.axes({ left: 12, right: 308, top: 24, floor: 112, x: [-6, 6], y: [0, top] });
    const at = (x, y) => [axes.across(x), axes.up(Math.min(top, y))];
    const [first, last] = [values.findIndex((y) => y <= top), values.findLastIndex((y) => y <= top)];
    return kd.picture(118, `The divergence over the student’s place: ${kd.nats(apart(setting))} here`,
      kd.text(0, 14, `${setting.divergence}, in nats, by the student’s place`, "kd-head"), axes.grid,
      kd.curve(places.map((x, i) => at(x, values[i])).slice(first, last + 1), "kd-total"), kd.dot(...at(setting.mean, apart(setting)), 6, "kd-distilled"));
  }

  function draw(setting) {
    const q = student(setting);
    const rare = (of, log) => kd.sum(of.filter((_, i) => log[i] < Math.max(...log) - Math.log(100)).map(Math.exp));
    const [strange, missed] = [kd.percent(rare(q, p)), kd.percent(rare(p, q))];
    const value = (name) => `${name} ${kd.minus(setting[name])}, ${setting.divergence} ${kd.nats(apart(setting))}`;
    return {
      pictures: { plot: plot(setting), hill: hill(setting) },
      said: `Forward <b>${kd.nats(apart(setting, "forward"))}</b>, reverse <b>${kd.nats(apart(setting, "reverse"))}</b>.
        ${strange} of what the student says, the teacher hardly ever would; ${missed} of what the teacher says, the student hardly ever does.`,
      values: { mean: value("mean"), width: value("width") },
    };
  }

  const track = (name, words, from, to, at) => kd.track({
    label: name, low: from, high: to, step: 0.01, key: 0.1, value: kd.f,
    head: (setting) => `${words} ${kd.minus(setting[name].toFixed(2))}`, marks: at.map((x) => [x, kd.minus(x), "kd-middle"]),
  });
  return {
    layout: [["plot"], ["hill", "mean", "width"]],
    tracks: { mean: track("mean", "place", -4, 4, [-4, 0, 4]), width: track("width", "width", low, high, [low, high]) },
    choices: [{ name: "divergence", legend: "Descend on", options: kd.options(Object.keys(kd.apart)) }],
    buttons: [{ words: () => "Descend", press: descended }, kd.reset("Reset", start)],
    draw,
  };
};
