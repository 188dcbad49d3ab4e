// A trained network in the page: its stored weights, and what it answers to an image. Plain loops over typed arrays,
// for a convolution of two thousand pixels needs no more.

kd.stored = {}; // by name: a safetensors file as base64, put here by a script of its own, for file:// allows no fetch

// 16 bits to a finite number: one for the sign, five for the exponent, ten for the fraction (IEEE 754).
kd.half = (bits) => {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const size = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -24 * fraction;
  return bits >> 15 ? -size : size;
};

// The tensors of a safetensors file: eight bytes for the length of the header, the header in JSON, the numbers.
kd.tensors = (base64) => {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i); // ten times as quick as Uint8Array.from
  const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, start)));
  delete header.__metadata__;
  const read = {
    F16: (part) => new Float32Array(new Uint16Array(part)).map(kd.half),
    F32: (part) => new Float32Array(part),
    U8: (part) => new Uint8Array(part),
  };
  const one = ([name, { dtype, shape, data_offsets: [from, to] }]) =>
    [name, { shape, values: read[dtype](bytes.buffer.slice(start + from, start + to)) }];
  return Object.fromEntries(Object.entries(header).map(one));
};

// ---- layers: from { shape: [channels, height, width], values } to the next ----

// Of 3 x 3: nine products at once, of an image with a border of zeros as wide as the padding.
kd.convolved = ({ shape: [channels, height, width], values }, weight, bias, padding) => {
  const [outputs] = weight.shape;
  const [rows, columns, wide] = [height + 2 * padding - 2, width + 2 * padding - 2, width + 2 * padding];
  const framed = new Float32Array(channels * (rows + 2) * wide);
  for (let i = 0; i < channels * height; i++) {
    const row = Math.floor(i / height) * (rows + 2) + padding + (i % height);
    framed.set(values.subarray(i * width, (i + 1) * width), row * wide + padding);
  }
  const out = new Float32Array(outputs * rows * columns);
  for (let o = 0; o < outputs; o++) {
    out.fill(bias.values[o], o * rows * columns, (o + 1) * rows * columns);
    for (let c = 0; c < channels; c++) {
      const [a, b, d, e, f, g, h, i, j] = weight.values.subarray(9 * (o * channels + c));
      for (let y = 0; y < rows; y++) {
        const [to, top] = [(o * rows + y) * columns, (c * (rows + 2) + y) * wide];
        for (let x = 0; x < columns; x++) { // what all others wait for
          const [at, middle, low] = [top + x, top + wide + x, top + 2 * wide + x];
          out[to + x] += a * framed[at] + b * framed[at + 1] + d * framed[at + 2]
            + e * framed[middle] + f * framed[middle + 1] + g * framed[middle + 2]
            + h * framed[low] + i * framed[low + 1] + j * framed[low + 2];
        }
      }
    }
  }
  return { shape: [outputs, rows, columns], values: out };
};

// The largest of each 2 x 2; an odd row or column at the end falls away, as in PyTorch.
kd.pooled = ({ shape: [channels, height, width], values }) => {
  const [rows, columns] = [height >> 1, width >> 1];
  const out = new Float32Array(channels * rows * columns);
  for (let i = 0; i < out.length; i++) {
    const [row, x] = [Math.floor(i / columns), i % columns];
    const at = (Math.floor(row / rows) * height + 2 * (row % rows)) * width + 2 * x;
    out[i] = Math.max(values[at], values[at + 1], values[at + width], values[at + width + 1]);
  }
  return { shape: [channels, rows, columns], values: out };
};

kd.linear = ({ values }, weight, bias) => {
  const out = Float32Array.from(bias.values);
  for (let o = 0; o < out.length; o++) {
    let total = 0;
    for (let i = 0; i < values.length; i++) total += weight.values[o * values.length + i] * values[i];
    out[o] += total;
  }
  return { shape: [out.length], values: out };
};

// The logits for one image of numbers from 0 to 1. A layer is [kind, name of its weights, padding].
kd.logits = (layers, tensors, shape, image) => {
  let x = { shape, values: Float32Array.from(image) };
  for (const [kind, name, padding] of layers) {
    const [weight, bias] = [tensors[`${name}.weight`], tensors[`${name}.bias`]];
    if (kind === "conv") x = kd.convolved(x, weight, bias, padding);
    else if (kind === "linear") x = kd.linear(x, weight, bias);
    else if (kind === "pool") x = kd.pooled(x);
    else x = { shape: x.shape, values: x.values.map((value) => Math.max(0, value)) };
  }
  return [...x.values];
};

// ---- images ----

// Grey numbers from 0 to 255 in another size, as Pillow's bilinear filter and torch's antialiased one do it: each new
// pixel is a mean of the old ones around it, in a triangle as wide as two new pixels; first across, then down, and
// both times rounded.
kd.resized = (pixels, [height, width], [rows, columns]) =>
  kd.resizedRows(kd.resizedRows(pixels, height, width, columns), columns, height, rows);

// Rows of `from` numbers each, with `to` numbers in place of them, and each new row laid down as a column.
kd.resizedRows = (pixels, rows, from, to) => {
  const [scale, reach] = [from / to, Math.max(1, from / to)];
  const out = new Uint8ClampedArray(to * rows);
  for (let i = 0; i < to; i++) {
    const middle = (i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(middle - reach + 0.5));
    const count = Math.min(from, Math.trunc(middle + reach + 0.5)) - first;
    const parts = kd.range(count).map((k) => Math.max(0, 1 - Math.abs(first + k + 0.5 - middle) / reach));
    const shares = parts.map((part) => part / kd.sum(parts));
    for (let row = 0; row < rows; row++) {
      let total = 0;
      for (let k = 0; k < count; k++) total += shares[k] * pixels[row * from + first + k];
      out[i * rows + row] = Math.floor(total + 0.5);
    }
  }
  return out;
};

// The grey numbers of an example: its picture is a bitmap, which holds them from the lowest row up.
kd.pixelsOf = (address) => {
  const bytes = Uint8Array.from(atob(address.split(",")[1]), (sign) => sign.charCodeAt(0));
  const [start, , width, height] = [10, 14, 18, 22].map((at) => new DataView(bytes.buffer).getInt32(at, true));
  const row = (y) => bytes.subarray(start + (height - 1 - y) * ((width + 3) & ~3)).subarray(0, width);
  return kd.range(height).flatMap((y) => [...row(y)]);
};

// Grey numbers from 0 to 255 as the address of a picture.
kd.pictureOf = (pixels, [height, width]) => {
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const rgba = Uint8ClampedArray.from({ length: 4 * pixels.length }, (_, i) => (i % 4 === 3 ? 255 : pixels[i >> 2]));
  canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
  return canvas.toDataURL();
};

// ---- what runs in the page: models whose weights are fetched on first use ----

// In a page a script brings the weights; in Jupyter they come with the slider.
kd.home = document.currentScript?.src;
kd.waiting = {};
kd.builds = {}; // what follows the address of a file of weights: its checksum, once the site is built
kd.fetched = (name) => kd.waiting[name] ??= new Promise((done, failed) => {
  // A script that arrives may be something else, such as a hotel's login page.
  const settle = () => (kd.stored[name] ? done() : failed(new Error(`the weights ${name} could not be loaded`)));
  if (kd.stored[name]) return done();
  document.head.append(Object.assign(document.createElement("script"), {
    src: new URL(`../models/${name}.js${kd.builds[name] ?? ""}`, kd.home).href, onload: settle, onerror: settle,
  }));
}).catch((error) => { delete kd.waiting[name]; throw error; });

// Models that answer once their weights are here, and how their answers look: `bars` draws them from options
// for `kd.bars`, with `unasked` for a share that is not known yet; `loading` is said while the weights come.
kd.network = ({ models, shape, weights = {}, labels }, { bars, unasked, loading }) => {
  Object.assign(kd.stored, weights);
  const [files, read] = [models.map(({ weights }) => weights), {}];
  let [problem, tell] = ["", () => {}]; // why the weights could not be had
  const failed = ({ message }) => (problem = `${message}. Reload the page with a network.`);
  let last = { grey: [] }; // asked about one image again and again, as when the temperature moves
  const answers = (grey) => models.map(({ weights, layers }) =>
    kd.logits(layers, (read[weights] ??= kd.tensors(kd.stored[weights])), shape, Float32Array.from(grey, (x) => x / 255)));

  function logits(grey) {
    const same = last.grey.length === grey.length && last.grey.every((x, i) => x === grey[i]);
    if (!same) last = { grey, rows: answers(grey) };
    return last.rows;
  }
  // The answers to grey numbers from 0 to 255, as bars and in words; or what they wait for, `refused` where
  // there are no numbers. All words are HTML.
  function answer(grey, temperature, refused) {
    const missing = !problem && grey && !files.every((name) => kd.stored[name]);
    if (missing) Promise.all(files.map(kd.fetched)).catch(failed).then(tell);
    const waits = kd.escape(problem) || (!grey && refused) || (missing && loading) || "";
    const shares = waits ? [] : logits(grey).map((row) => kd.softmax(row, temperature));
    const groups = models.map(({ name }, m) => ({ name, shares: shares[m] ?? labels.map(() => 0) }));
    const title = `Shares at T = ${kd.short(temperature)}`;
    const write = waits ? () => unasked : kd.percent;
    return { waits, words: kd.firsts(groups, labels), bars: bars({ title, labels, groups, write }) };
  }
  return { answer, attach: (view) => ({ tell } = view) };
};
