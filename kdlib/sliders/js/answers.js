// What two or three models answer to the same images, and how far the others are from the first, the teacher.
// needs bars.js

kd.sliders.answers = ({ models, logits, labels, names, truths, images, start }) => {
  const kinds = ["kd-teacher", "kd-scratch", "kd-distilled"];

  function draw({ temperature, index }) {
    const t = kd.short(temperature);
    const answers = logits.map((rows) => rows[index]);
    const truth = truths[index];
    const groups = models.map((name, m) => ({ name, kind: kinds[m], shares: kd.softmax(answers[m], temperature) }));
    const title = `Shares at T = ${t}`;
    const look = { bold: truth, ticked: true, marks: kd.shares, room: 210 };
    const distance = (m) => kd.nats(kd.divergence(answers[0], answers[m], temperature));
    const far = models.slice(1).map((name, m) => `${name} ${distance(m + 1)}`);
    return {
      pictures: { bars: kd.barsWithLegend({ title, labels, groups, ...look }) },
      said: `True class: <b>${kd.escape(labels[truth])}</b>. At temperature ${t}, ${kd.firsts(groups, labels)}.
        Distance from the ${kd.escape(models[0])}, in nats: ${kd.escape(far.join(", "))}.`,
      values: { temperature: `temperature ${t}, distance from the ${models[0]}: ${far.join(", ")} nats` },
    };
  }

  return {
    layout: [["bars"], ["temperature", "said", "buttons"]],
    tracks: { temperature: kd.temperature({ left: 82 }) },
    choices: kd.examples(names, images),
    buttons: [kd.reset(`Back to T = ${kd.short(start.temperature)}`, { temperature: start.temperature })],
    draw,
  };
};
