// The plane from -1 to 1, in the colours of classes: what a network answers at each place.

kd.side = 40; // cells a side: enough, for the browser smooths them
kd.plane = kd.range(kd.side ** 2).map((i) =>
  Float64Array.of((2 * (i % kd.side) + 1) / kd.side - 1, 1 - (2 * Math.floor(i / kd.side) + 1) / kd.side));
kd.hues = [[230, 159, 0], [117, 86, 214], [128, 128, 128]]; // told apart by eyes that see no red or green

// The likeliest class has the place; the stronger its colour, the larger its share at T. Where all is NaN there is none.
kd.paintPlane = (canvas, answers, t) => {
  const image = new ImageData(kd.side, kd.side);
  for (const [i, logits] of answers.entries()) {
    let [top, all] = [0, 0];
    for (let k = 1; k < logits.length; k++) if (logits[k] > logits[top]) top = k;
    for (let k = 0; k < logits.length; k++) all += Math.exp((logits[k] - logits[top]) / t);
    const sure = (logits.length / all - 1) / (logits.length - 1); // 0 for equal shares, 1 for one that is all
    image.data.set([...kd.hues[top], 255 * (0.2 + 0.55 * sure)], 4 * i);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
};

// A canvas below each of these pictures, which is the lower square of it.
kd.planes = (names, one) => Object.fromEntries(names.map((name) => {
  const size = `width="${kd.side}" height="${kd.side}"`;
  const canvas = `<canvas ${size} data-below="${name}" aria-hidden="true"></canvas>`;
  one(name).insertAdjacentHTML("beforebegin", canvas);
  return [name, one(name).previousElementSibling];
}));

// Points as a disc, a square or a triangle by class, and a ring about each that is `wrong`; `at` gives places.
kd.scatter = (points, at) => {
  const disc = (r) => `m${-r},0a${r},${r} 0 1,0 ${2 * r},0a${r},${r} 0 1,0 ${-2 * r},0`;
  const size = kd.clamp(Math.sqrt(40 / points.length), 0.55, 1); // many are small, so that the plane is seen
  const [half, low] = [2.9 * size, 3.8 * size].map(kd.f);
  const shapes = [disc(kd.f(3.2 * size)), `m${-half},${-half}h${2 * half}v${2 * half}h${-2 * half}z`,
    `m0,${kd.f(-4 * size)}l${low},${kd.f(6.4 * size)}h${-2 * low}z`];
  const path = (some, shape, kind) => kd.line(some.map(({ x }) => `M${at(x).map(kd.f)}${shape}`).join(""), kind);
  return [
    ...shapes.map((shape, k) => path(points.filter(({ label }) => label === k), shape, `kd-class kd-class-${k}`)),
    path(points.filter(({ wrong }) => wrong), disc(kd.f(6.5 * size)), "kd-line kd-wrong"),
  ];
};
