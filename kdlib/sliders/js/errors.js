// What the errors of two students depend on: both beside their teacher's, and the difference within a seed.
// An interval is [mean, low, high, seeds].
// needs axes.js

kd.judged = ([, low, high]) => (high < 0 ? "fewer errors" : low > 0 ? "more errors" : "no difference detected");

kd.sliders.errors = ({ runs, teacher, about, start }) => {
  const [left, right] = [48, 292];
  const whole = (x) => x.toFixed(0);
  const signed = (x) => kd.signed(x, 0);
  const found = ([mean, low, high], number) => `${number(mean)} (${number(low)} to ${number(high)})`;
  const judged = ({ gap }) => `${found(gap, signed)}, ${kd.judged(gap)}`;
  const named = (name, { value }) => `${name[0].toUpperCase()}${name.slice(1)}: ${value}`;
  const chosen = (setting, name = setting.varied) => runs[name][setting[name]];

  // Axes over the places of the track below, with some room at both ends.
  const chart = (places, floor, y, marks) => {
    const room = (14 * (places.length - 1)) / (right - left);
    const x = [-room, places.length - 1 + room];
    return kd.axes({ left: left - 14, right: right + 14, top: 26, floor, x, y, marks: { y: marks } });
  };
  const mark = (x, [mean, low, high], up, kind, here) => [
    kd.line(`M${kd.f(x)},${kd.f(up(high))}V${kd.f(up(low))}`, `kd-span ${kind}`),
    kd.dot(x, up(mean), here ? 6 : 3.5, kind),
  ];
  const guide = (x, floor) => kd.line(`M${kd.f(x)},26V${floor + 4}`, "kd-guide kd-faint");

  function errorsPicture({ varied }, index) {
    const places = runs[varied];
    const ends = places.flatMap(({ alone, distilled }) => [alone[1], alone[2], distilled[1], distilled[2]]);
    const [low, high] = [Math.max(1, 0.9 * Math.min(teacher, ...ends)), 1.1 * Math.max(teacher, ...ends)];
    const height = (errors) => Math.log(Math.max(errors, low) / low) / Math.log(high / low); // a logarithmic axis
    const wide = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000].filter((errors) => low < errors && errors < high);
    const round = high > 8 * low ? wide : kd.round(low, high, 3);
    const axes = chart(places, 140, [0, 1], round.map((errors) => [height(errors), String(errors)]));
    const up = (errors) => axes.up(height(errors));
    const row = (who, aside) =>
      places.map((place, i) => mark(axes.across(i) + aside, place[who], up, kd.kinds[who], i === index));
    const { alone, distilled } = places[index];
    const numbers = [
      ["kd-scratch", `alone ${whole(alone[0])}`],
      ["kd-distilled", `distilled ${whole(distilled[0])}`],
      ["kd-teacher", `teacher ${whole(teacher)}`],
    ];
    return kd.legend(numbers) + kd.picture(
      146,
      `${named(varied, places[index])}. Test errors: ${numbers.map(([, words]) => words).join(", ")}`,
      kd.text(0, 14, "Test errors", "kd-head"),
      kd.text(320, 14, kd.cut(about[varied], 34), "kd-end"),
      axes.grid,
      guide(axes.across(index), 140),
      kd.curve([[left - 14, up(teacher)], [right + 14, up(teacher)]], "kd-teacher"),
      row("alone", -4),
      row("distilled", 4),
    );
  }

  function gapPicture({ varied }, index) {
    const places = runs[varied];
    const ends = places.flatMap(({ gap }) => [gap[1], gap[2]]);
    const y = [1.06 * Math.min(-1, ...ends), 1.06 * Math.max(1, ...ends)];
    const axes = chart(places, 116, y, kd.round(...y, 3).map((value) => [value]));
    return kd.picture(
      120,
      `Distilled minus alone: ${judged(places[index])}`,
      kd.text(0, 14, `Distilled minus alone: ${found(places[index].gap, signed)}`, "kd-head"),
      axes.grid,
      guide(axes.across(index), 116),
      places.map(({ gap }, i) => mark(axes.across(i), gap, axes.up, kd.kinds.distilled, i === index)),
    );
  }

  function draw(setting) {
    const index = setting[setting.varied];
    const { alone, distilled, gap } = chosen(setting);
    const values = names.map((name) => [name, `${chosen(setting, name).value}: ${judged(chosen(setting, name))}`]);
    return {
      pictures: { errors: errorsPicture(setting, index), gap: gapPicture(setting, index) },
      said: `<b>${kd.escape(named(setting.varied, chosen(setting)))}</b>. Alone ${found(alone, whole)}, distilled
        ${found(distilled, whole)}. Within a seed: <b>${judged({ gap })}</b> (${gap[3]} seeds).`,
      values: Object.fromEntries(values),
      off: names.filter((name) => name !== setting.varied), // its track is not in sight
    };
  }

  const names = Object.keys(runs);
  const track = (name) => kd.track({
    left, right, above: true, label: name, low: 0, high: runs[name].length - 1, step: 1,
    head: (setting) => named(name, chosen(setting, name)),
    marks: runs[name].map(({ value }, i) => [i, kd.cut(value, 8), "kd-middle"]),
  });
  return {
    layout: [["errors", ...names], ["gap", "said", "buttons"]],
    tracks: Object.fromEntries(names.map((name) => [name, track(name)])),
    choices: names.length < 2 ? [] : [{ name: "varied", legend: "What is varied", options: kd.options(names) }],
    buttons: [kd.reset("Back to the start", start)],
    draw,
  };
};
