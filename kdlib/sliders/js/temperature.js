// Bars of softmax(z / T), outlined where they are at T = 1, and the entropy against T.
// needs bars.js
// needs axes.js

kd.entropy = (p) => p.reduce((nats, x) => (x > 0 ? nats - x * Math.log(x) : nats), 0);

// On a logarithmic axis small shares are told apart: 4·10⁻⁶.
kd.power = (share) => {
  if (share === 0 || share >= 0.001) return kd.percent(share);
  const [digit, exponent] = share.toExponential(0).split("e-");
  return `${digit}·10⁻${[...exponent].map((x) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[x]).join("")}`;
};

// Where bars end, and the marks of their scale. The logarithmic one begins at 1e-9, and what is less has no bar.
kd.scales = {
  linear: { place: (share) => share, marks: kd.shares },
  logarithmic: {
    write: kd.power,
    place: (share) => Math.max(0, 1 + Math.log10(share) / 9),
    marks: [[0, "10⁻⁹"], [1 / 3, "10⁻⁶"], [2 / 3, "10⁻³"], [1, "1"]],
  },
};

kd.sliders.temperature = ({ logits, labels, names, images }) => {
  const most = Math.log(labels.length);
  const marks = [-1, 0, 1, 2].map((at) => [at, ""]);
  const [left, right] = [30, 306];
  const axes = kd.axes({ left, right, top: 24, floor: 94, x: [-1, 2], y: [0, most], marks: { x: marks, y: [[0]] } });
  const places = kd.range(61).map((k) => k / 20 - 1);

  function entropyPicture(z, temperature, nats) {
    const points = places.map((at) => [axes.across(at), axes.up(kd.entropy(kd.softmax(z, 10 ** at)))]);
    const [x, y] = [axes.across(Math.log10(temperature)), axes.up(nats)];
    return kd.picture(
      100,
      `Entropy against temperature: ${nats.toFixed(2)} nats at ${kd.short(temperature)}, at most ${most.toFixed(2)}`,
      kd.text(0, 14, `Entropy ${nats.toFixed(2)} nats`, "kd-head"),
      kd.text(right, 14, `ln ${labels.length} = ${most.toFixed(2)}`, "kd-end"),
      axes.grid,
      kd.line(`M${left},24H${right}`, "kd-line kd-dashed"),
      kd.curve(points, "kd-teacher"),
      kd.line(`M${kd.f(x)},${kd.f(y)}V100`, "kd-guide"),
      kd.dot(x, y, 6, "kd-teacher"),
    );
  }

  function draw({ temperature, index, axis }) {
    const z = logits[index];
    const [p, usual] = [kd.softmax(z, temperature), kd.softmax(z, 1)];
    const nats = kd.entropy(p);
    const t = kd.short(temperature);
    const bars = kd.bars({
      title: `Probabilities at T = ${t}`,
      labels,
      groups: [{ name: "", kind: "kd-teacher", shares: p }],
      bold: kd.likeliest(usual),
      ghost: usual,
      note: "outlined: T = 1",
      figures: true,
      room: 144,
      ...kd.scales[axis],
    });
    const top = kd.likeliest(p);
    return {
      pictures: { bars, entropy: entropyPicture(z, temperature, nats) },
      said: `At temperature ${t} the largest share is <b>${kd.escape(labels[top])}</b> with
        ${kd.escape(kd.percent(p[top]))}, and the entropy is ${nats.toFixed(2)} of at most ${most.toFixed(2)} nats.`,
      values: { temperature: `temperature ${t}, entropy ${nats.toFixed(2)} nats` },
    };
  }

  return {
    layout: [["bars"], ["entropy", "temperature"], ["axis", "buttons"]],
    tracks: { temperature: kd.temperature({ left, right, head: () => "T" }) },
    choices: [
      ...kd.examples(names, images),
      { name: "axis", legend: "Axis", options: kd.options(Object.keys(kd.scales)) },
    ],
    buttons: [kd.reset("Back to T = 1", { temperature: 1 })],
    draw,
  };
};
