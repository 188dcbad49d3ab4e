// When the teacher's term counts: its weight and the labels' over training, for three schedules.
// needs axes.js

// The factors of kdlib.objectives.ramps, times alpha.
kd.weight = ({ kind, start, end, alpha }, progress) => {
  if (kind === "at-once") return alpha;
  if (kind === "late") return alpha * (progress >= start);
  return alpha * 0.5 * (1 - Math.cos(Math.PI * kd.clamp((progress - start) / (end - start), 0, 1)));
};

// The area below the curve: half a cosine has half of its box.
kd.meanWeight = ({ kind, start, end, alpha }) => {
  return alpha * (1 - { "at-once": 0, late: start, ramp: (start + end) / 2 }[kind]);
};

kd.sliders.schedules = ({ run, start: first }) => {
  const share = (x) => `${Number((100 * x.toFixed(3)).toFixed(1))}\u00a0%`;
  const off = { "at-once": ["start", "end"], late: ["end"], ramp: [] };
  const marks = {
    x: [[0, "0"], [0.25, "25 %"], [0.5, "50 %"], [0.75, "75 %"], [1, "100 %"]],
    y: [[0], [0.5], [1]],
  };
  const axes = kd.axes({ left: 30, right: 274, top: 10, floor: 122, x: [0, 1], y: [0, 1], marks });

  const legend = kd.legend([["kd-curve kd-teacher", "teacher’s weight"], ["kd-curve kd-hard", "labels’ weight"]]);

  function words({ kind, start, end, alpha }) {
    const whole = `all of its weight, α = ${alpha.toFixed(2)}`;
    if (alpha === 0) return "It never counts, as α = 0";
    if (kind === "at-once" || (kind === "late" && start === 0)) return `It counts from the first step, with ${whole}`;
    if (kind === "late") return `It first counts after ${share(start)} of training, with ${whole}`;
    const begins = start ? `after ${share(start)} of training` : "with the first steps";
    return `It begins to count ${begins} and has ${whole}, ${end === 1 ? "at the end" : `from ${share(end)} on`}`;
  }

  function plot(setting, mean) {
    const { kind, start, end } = setting;
    const middle = kind === "ramp" ? kd.range(41).map((k) => start + ((end - start) * k) / 40) : [];
    const step = kind === "late" ? [[start, 0], [start, setting.alpha]] : []; // both of its ends
    const ends = [[0, kind === "late" ? 0 : kd.weight(setting, 0)], [1, kd.weight(setting, 1)]];
    const line = [ends[0], ...step, ...middle.map((x) => [x, kd.weight(setting, x)]), ends[1]];
    const at = ([x, w]) => [axes.across(x), axes.up(w)];
    const y = axes.up(mean);
    return kd.picture(
      156,
      `Weights over training: the teacher’s ${share(mean)} on average. ${words(setting)}`,
      axes.grid,
      `<polygon points="${kd.points([[0, 0], ...line, [1, 0]].map(at))}" class="kd-area"/>`,
      kd.curve(line.map(([x, w]) => at([x, 1 - w])), "kd-hard"),
      kd.curve(line.map(at), "kd-teacher"),
      kd.line(`M30,${kd.f(y)}H278`, "kd-line kd-dashed"),
      kd.text(283, y - 2, "mean"),
      kd.text(283, y + 12, mean.toFixed(2), "kd-head"),
      kd.text(152, 154, "share of training done", "kd-middle"),
    );
  }

  function draw(setting) {
    const mean = kd.meanWeight(setting);
    const value = (name) => `${name} ${setting[name].toFixed(2)}, teacher ${share(mean)} of the weight`;
    return {
      pictures: { plot: legend + plot(setting, mean) },
      said: `Averaged over training, the teacher has <b>${share(mean)}</b> of the weight, the labels
        ${share(1 - mean.toFixed(3))}. ${words(setting)}.`,
      values: Object.fromEntries(["start", "end", "alpha"].map((name) => [name, value(name)])),
      off: off[setting.kind],
    };
  }

  // An end after the start, as kdlib.objectives.ramps asks for: the one that moved pushes the other.
  function settle({ start, end }, last) {
    if (end > start) return {};
    return end === last.end ? { end: kd.f(start + 0.01) } : { start: kd.f(end - 0.01) };
  }

  const track = (name, sign, low, high) =>
    kd.track({
      label: name, low: 0, high: 1, step: 0.01, value: (x) => kd.clamp(kd.f(x), low, high),
      head: (setting) => `${sign} = ${setting[name].toFixed(2)}`, marks: kd.marks([0, 0.5, 1]),
    });
  return {
    layout: [["plot"], ["start", "end", "alpha"]],
    tracks: {
      start: track("start", "start", 0, 0.99),
      end: track("end", "end", 0.01, 1),
      alpha: track("alpha", "α", 0, 1),
    },
    choices: [{
      name: "kind", legend: "Schedule", also: (kind) => run[kind],
      options: kd.options(Object.keys(run), (value) => value.replace("-", " ")),
    }],
    buttons: [kd.reset("Back to the first schedule", first)],
    settle,
    draw,
  };
};
