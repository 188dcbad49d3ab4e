// Open an X-ray: two students answer in the page, and nothing leaves it.
// needs bars.js
// needs net.js

// What the students see of an image file, its numbers turned grey as Pillow does it, and words on it; or an
// error that says in words why not.
kd.opened = async (file, side) => {
  const image = new Image();
  image.src = URL.createObjectURL(file);
  const loaded = new Promise((done, failed) => Object.assign(image, { onload: done, onerror: failed }));
  await loaded.finally(() => URL.revokeObjectURL(image.src)).catch(() => {
    throw new Error("This file is no image that a browser can read. Save a DICOM file as PNG or JPEG first.");
  });
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const millions = Math.round((width * height) / 1e6);
  if (width * height > 25e6) { // three X-rays of the largest kind, and what a phone can hold
    throw new Error(`This image has ${millions} million pixels; open one of 25 million or fewer.`);
  }
  if (Math.min(width, height) < 64) {
    throw new Error(`This image is ${width} × ${height} pixels; the students need 64 each way.`);
  }
  const source = await createImageBitmap(file).catch(() => image); // decoded beside the page
  const most = Math.min(height, Math.ceil(1e6 / width)); // rows a strip: phones have no canvas for all of them
  const canvas = Object.assign(document.createElement("canvas"), { width, height: most });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white"; // where it is transparent, as on a page
  const across = new Uint8ClampedArray(side[1] * height);
  let [coloured, least, largest] = [0, 255, 0];
  for (let top = 0; top < height; top += most) { // between two strips the page can move
    const rows = Math.min(most, height - top);
    context.fillRect(0, 0, width, most);
    context.drawImage(source, 0, -top);
    const { data } = context.getImageData(0, 0, width, rows);
    const pixels = new Uint8Array(width * rows);
    for (let i = 0; i < pixels.length; i++) {
      const [r, g, b] = [data[4 * i], data[4 * i + 1], data[4 * i + 2]];
      pixels[i] = (19595 * r + 38470 * g + 7471 * b + 32768) >> 16;
      coloured += Math.max(r, g, b) - Math.min(r, g, b) > 32;
    }
    least = pixels.reduce((x, y) => Math.min(x, y), least);
    largest = pixels.reduce((x, y) => Math.max(x, y), largest);
    const narrow = kd.resizedRows(pixels, rows, width, side[1]);
    kd.range(side[1]).forEach((x) => across.set(narrow.subarray(x * rows, (x + 1) * rows), x * height + top));
    await new Promise((done) => setTimeout(done));
  }
  source.close?.(); // up to 100 MB
  if (least === largest) {
    throw new Error("This image is of one grey all over; the students are not asked.");
  }
  const note = "It has colours, as no X-ray has; the students see its grey. ";
  const about = `Your image; no answer is a diagnosis. ${coloured > (width * height) / 50 ? note : ""}`;
  return { grey: kd.resizedRows(across, side[1], height, side[0]), name: "your image", about };
};

kd.sliders.xrays = ({ shape, labels, names, truths, images, start, ...data }) => {
  const network = kd.network({ shape, labels, ...data }, {
    bars: (options) => kd.bars({ ...options, figures: true, room: 110 }),
    unasked: "–", loading: "Loading the two students, once: 1.5 MB.",
  });
  const side = shape.slice(1);
  const examples = images.map((image, i) => ({
    grey: kd.pixelsOf(image), name: names[i], about: `True class: <b>${kd.escape(labels[truths[i]])}</b>. `,
  }));
  let own = { about: "Choose an X-ray, or open an image from your own disk. It stays on this device. No answer is a diagnosis." };
  let opened = 0; // files, of which the last one counts, whichever is read first

  const none = `<svg viewBox="0 0 256 256" aria-hidden="true">${kd.box(0.5, 0.5, 255, 255, "kd-line")}</svg>`;
  const picture = (grey, name) => `<img src="${kd.pictureOf(grey, side)}"
    alt="${kd.escape(name)}, as the students see it: 64 × 64 pixels">`;

  function draw({ temperature, index }) {
    const { grey, name, about } = index ? examples[index - 1] : own;
    const { waits, words, bars } = network.answer(grey, temperature, about);
    const shown = grey ? picture(grey, name) : none;
    return { pictures: { shown, bars }, said: waits || `${about}${words}.` };
  }

  function attach({ one, choose, tell }) {
    network.attach({ tell });
    one("open").innerHTML = `<label><span>Open an image of your own</span>
      <input type="file" accept="image/*" aria-label="Open an image of your own" data-lm-suppress-shortcuts></label>`;
    one("open").querySelector("input").addEventListener("change", async ({ target }) => {
      const [file] = target.files;
      if (!file) return;
      const turn = ++opened;
      const read = await kd.opened(file, side).catch(({ message }) => ({ about: kd.escape(message) }));
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
    choices: kd.examples(["Your own", ...names], ["", ...images], "X-ray"),
    buttons: [kd.reset(`Back to T = ${kd.short(start.temperature)}`, { temperature: start.temperature })],
    attach,
    draw,
  };
};
