// Axes in a box, with round numbers at their marks, and curves between them.

// About `count` round numbers from low to high.
kd.round = (low, high, count) => {
  const rough = 10 ** Math.floor(Math.log10((high - low) / count));
  const step = rough * Math.max(1, ...[2, 5].filter((m) => m * rough * count <= high - low));
  return kd.range(Math.floor(high / step) - Math.ceil(low / step) + 1).map((k) => (Math.ceil(low / step) + k) * step);
};

// Axes in a box: the places of values, the grid with its numbers, and the line at zero.
kd.axes = ({ left, right, top, floor, x, y, marks = {} }) => {
  const across = kd.scale(...x, left, right);
  const up = kd.scale(...y, floor, top);
  const words = ([value, name]) => name ?? kd.minus(kd.f(value));
  const grid = [
    ...(marks.x ?? []).map((mark) => [
      kd.line(`M${kd.f(across(mark[0]))},${top}V${floor}`, "kd-grid"),
      kd.text(across(mark[0]), floor + 16, words(mark), "kd-middle"),
    ]),
    ...(marks.y ?? []).map((mark) => [
      kd.line(`M${left},${kd.f(up(mark[0]))}H${right}`, "kd-grid"),
      kd.text(left - 7, up(mark[0]) + 4, words(mark), "kd-end"),
    ]),
    kd.line(`M${left},${kd.f(up(0))}H${right}`, "kd-line"),
  ];
  return { across, up, grid };
};

kd.curve = (points, kind) => `<polyline points="${kd.points(points)}" class="kd-curve ${kind}"/>`;
