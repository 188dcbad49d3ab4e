// Draw a digit: networks that were trained on MNIST answer in the page.
// needs bars.js
// needs net.js
// needs pad.js

kd.sliders.digits = ({ shape, names, images, start, ...data }) => {
  const network = kd.network({ shape, ...data }, {
    bars: (options) => kd.barsWithLegend({ ...options, marks: kd.shares, room: 200 }),
    unasked: "not asked", loading: "Loading the three networks, once.",
  });
  const examples = images.map((image) => kd.pixelsOf(image).map((paper) => 255 - paper));
  const pad = kd.pad();
  let example = false; // lies on the paper, and the drawing below it

  function draw({ temperature, index }) {
    example = index > 0;
    const digit = example ? examples[index - 1] : pad.digit();
    const refused = pad.blank() ? "An empty paper is no digit: the networks are not asked."
      : "That is a dot. Draw the digit larger.";
    const grey = digit && kd.resized(digit, [28, 28], shape.slice(1));
    const { waits, words, bars } = network.answer(grey, temperature, refused);
    // Black on white, as the examples.
    const seen = () => `<img src="${kd.pictureOf(digit.map((ink) => 255 - ink), [28, 28])}" alt="">`;
    const paper = pad.picture(images[index - 1]);
    return {
      pictures: { pad: paper, seen: waits ? "" : `${seen()} 28\u00a0×\u00a028`, bars },
      said: waits || `At temperature ${kd.short(temperature)}, ${words}.`,
    };
  }

  let view = {};
  const drawn = (act) => () => {
    act();
    view.choose({ index: 0 });
  };
  return {
    layout: [["pad", "buttons", "seen"], ["bars", "temperature", "said"]],
    tracks: { temperature: kd.temperature({ left: 82 }) },
    choices: kd.examples(["My drawing", ...names], ["", ...images], "Digit"),
    buttons: [
      { words: () => "Clear", press: drawn(pad.clear) },
      { words: () => "Undo", press: drawn(() => example || pad.undo()) }, // nothing changes below an example
      kd.reset(`T = ${kd.short(start.temperature)}`, { temperature: start.temperature }),
    ],
    attach(given) {
      network.attach((view = given));
      pad.attach(view, drawn(() => example && pad.clear())); // a stroke takes an example off the paper
    },
    draw,
  };
};
