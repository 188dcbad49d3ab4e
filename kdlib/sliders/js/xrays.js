// Open an X-ray: two students answer in the page, and nothing leaves it.
// needs net.js

kd.largestImage = 25e6; // pixels: three X-rays of the largest kind, and what a phone can hold

// Grey numbers of an image file, turned grey as Pillow does it, or an error that says in words why not.
kd.greyOf = async (file) => {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  try {
    await new Promise((done, failed) => Object.assign(image, { onload: done, onerror: failed })).catch(() => {
      throw new Error("This file is no image that a browser can read. Save a DICOM file as PNG or JPEG first.");
    });
    const [width, height] = [image.naturalWidth, image.naturalHeight];
    if (width * height > kd.largestImage) {
      throw new Error(`This image has ${Math.round((width * height) / 1e6)} million pixels; open one of 25 million or fewer.`);
    }
    if (Math.min(width, height) < 64) {
      throw new Error(`This image is ${width} × ${height} pixels; the students need 64 each way.`);
    }
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.fillStyle = "white"; // where it is transparent, as on a page
    context.fillRect(0, 0, width, height);
    context.drawImage(image, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    const pixels = new Uint8Array(width * height);
    let coloured = 0;
    for (let i = 0; i < pixels.length; i++) {
      const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
      pixels[i] = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
      coloured += Math.max(r, g, b) - Math.min(r, g, b) > 32;
    }
    if (pixels.every((grey) => grey === pixels[0])) throw new Error("This image is of one grey all over; the students are not asked.");
    return { pixels, size: [height, width], coloured: coloured > pixels.length / 50 };
  } finally {
    URL.revokeObjectURL(image.src);
  }
};

kd.sliders.xrays = ({ models, shape, weights, labels, names, truths, images, start }) => {
  const network = kd.network({ models, shape, weights });
  const kinds = ["kd-scratch", "kd-distilled"];
  const side = shape.slice(1);
  const examples = images.map(kd.pixelsOf);
  let own = { words: "Choose an X-ray, or open an image from your own disk. It stays on this device." };
  let repaint = () => {};
  let opened = 0; // files, of which the last one counts, whichever is read first

  function draw({ temperature, index }) {
    const t = kd.short(temperature);
    const grey = index ? examples[index - 1] : own.grey;
    const values = { temperature: `temperature ${t}` };
    const grouped = (shares) => models.map(({ name }, m) => ({ name, kind: kinds[m], shares: shares[m] }));
    const bars = (groups, write) =>
      kd.bars({ title: `Shares at T = ${t}`, labels, groups, figures: true, room: 110, write });
    const shown = grey ? `<img src="${kd.pictureOf(grey, side)}" alt="${kd.escape(index ? names[index - 1] : "your image")}, as the students see it: 64 × 64 pixels">`
      : `<svg viewBox="0 0 256 256" aria-hidden="true">${kd.box(0.5, 0.5, 255, 255, "kd-line")}</svg>`;
    const wait = (said) => ({ pictures: { shown, bars: bars(grouped(models.map(() => labels.map(() => 0))), () => "–") }, said, values });
    if (network.problem) return wait(`${kd.escape(network.problem)}. Reload the page with a network.`);
    if (!grey) return wait(kd.escape(own.words));
    if (!network.ready()) {
      network.load(repaint);
      return wait("Loading the two students, once: 1.5 MB.");
    }
    const groups = grouped(network.logits(grey).map((logits) => kd.softmax(logits, temperature)));
    const truth = index ? `True class: <b>${kd.escape(labels[truths[index - 1]])}</b>. ` : kd.escape(own.words);
    return { pictures: { shown, bars: bars(groups) }, said: `${truth}${kd.firsts(groups, labels)}.`, values };
  }

  function attach({ one, choose, tell }) {
    repaint = tell;
    one("open").innerHTML = `<label><span>Open an image of your own</span>
      <input type="file" accept="image/*" aria-label="Open an image of your own" data-lm-suppress-shortcuts></label>`;
    one("open").querySelector("input").addEventListener("change", async ({ target }) => {
      const [file] = target.files;
      if (!file) return;
      const turn = ++opened;
      let read;
      try {
        const { pixels, size, coloured } = await kd.greyOf(file);
        const note = coloured ? "It has colours, as no X-ray has; the students see its grey. " : "";
        read = { grey: kd.resized(pixels, size, side), words: `Your image. ${note}` };
      } catch (error) {
        read = { words: error.message };
      }
      if (turn !== opened) return;
      own = read;
      target.value = ""; // so that the same file can be opened again
      choose({ index: 0 });
      tell();
    });
  }

  return {
    layout: [["shown", "open"], ["bars", "temperature", "said", "buttons"]],
    tracks: { temperature: kd.temperature({ left: 82 }) },
    choices: [{
      name: "index", legend: "X-ray",
      options: ["Your own", ...names].map((words, i) => ({ value: i, words, image: images[i - 1] })),
    }],
    buttons: [kd.reset(`Back to T = ${kd.short(start.temperature)}`, { temperature: start.temperature })],
    attach,
    draw,
  };
};
