// Draw a digit: networks that were trained on MNIST answer in the page.
// needs net.js
// needs pad.js

kd.sliders.digits = ({ models, shape, weights, labels, names, images, start }) => {
  const network = kd.network({ models, shape, weights });
  const kinds = ["kd-teacher", "kd-scratch", "kd-distilled"];
  const examples = images.map((image) => kd.pixelsOf(image).map((paper) => 255 - paper));
  const pad = kd.pad();
  let example = start.index > 0; // lies on the paper, and the drawing below it
  let [later, tell] = [() => {}, () => {}];

  const paper = (index) => (!index ? pad.picture() : `<svg viewBox="0 0 200 200" aria-hidden="true">
    <image href="${images[index - 1]}" width="200" height="200"/>${kd.box(0.5, 0.5, 199, 199, "kd-line")}</svg>`);

  function draw({ temperature, index }) {
    example = index > 0;
    const t = kd.short(temperature);
    const digit = example ? examples[index - 1] : pad.digit();
    const title = `Shares at T = ${t}`;
    const group = (name, kind, shares) => ({ name, kind, shares });
    const bars = (groups, write) => kd.legend(groups.map(({ name, kind }) => [kind, name]))
      + kd.bars({ title, labels, groups, marks: kd.shares, room: 200, write });
    const blank = models.map(({ name }, m) => group(name, kinds[m], labels.map(() => 0)));
    const values = { temperature: `temperature ${t}` };
    const wait = (said) =>
      ({ pictures: { pad: paper(index), seen: "", bars: bars(blank, () => "not asked") }, said, values });
    if (network.problem) return wait(`${kd.escape(network.problem)}. Reload the page with a network.`);
    if (!digit && pad.blank()) return wait("An empty paper is no digit: the networks are not asked.");
    if (!digit) return wait("That is a dot. Draw the digit larger.");
    if (!network.ready()) {
      network.load(tell);
      return wait("Loading the three networks, once.");
    }
    const logits = network.logits(kd.resized(digit, [28, 28], shape.slice(1)));
    const groups = models.map(({ name }, m) => group(name, kinds[m], kd.softmax(logits[m], temperature)));
    const seen = kd.pictureOf(digit.map((ink) => 255 - ink), [28, 28]); // black on white, as the examples
    return {
      pictures: {
        pad: paper(index), seen: `<img src="${seen}" alt=""> 28\u00a0×\u00a028`, bars: bars(groups),
      },
      said: `At temperature ${t}, ${kd.firsts(groups, labels)}.`,
      values,
    };
  }

  function attach(view) {
    ({ later, tell } = view);
    const begun = () => {
      if (example) pad.clear(); // a stroke takes an example off the paper
      view.choose({ index: 0 });
    };
    pad.listen(view.one("pad"), { begun, later, tell });
  }
  const press = (act) => () => {
    act();
    tell();
    return { index: 0 };
  };
  return {
    layout: [["pad", "buttons", "seen"], ["bars", "temperature", "said"]],
    tracks: { temperature: kd.temperature({ left: 82 }) },
    choices: [{
      name: "index", legend: "Digit",
      options: ["My drawing", ...names].map((words, i) => ({ value: i, words, image: images[i - 1] })),
    }],
    buttons: [
      { words: () => "Clear", press: press(pad.clear) },
      { words: () => "Undo", press: press(() => example || pad.undo()) }, // below an example nothing changes
      kd.reset(`T = ${kd.short(start.temperature)}`, { temperature: start.temperature }),
    ],
    attach,
    draw,
  };
};
