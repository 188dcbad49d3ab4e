// Draw a digit: networks that were trained on MNIST answer in the page.
// needs net.js

// A stroke is a list of points [x, y] on a paper 200 wide and high. They become 28 x 28 grey numbers as MNIST made
// its own: 20 pixels on the longer side, the centre of mass in the middle. No digit is shorter than a tenth of the paper.
kd.asDigit = (strokes) => {
  const points = strokes.flat();
  const spans = [0, 1].map((axis) => {
    const along = points.map((point) => point[axis]);
    return [Math.min(...along), Math.max(...along)];
  });
  const longest = Math.max(...spans.map(([low, high]) => high - low));
  if (!(longest >= 20)) return null; // nothing drawn, or a dot
  const pen = 1.2; // pixels from the middle of a line to its edge
  const scale = (20 - 2 * pen) / longest;
  const put = (shift) => kd.inked(
    strokes.map((stroke) => stroke.map((point) => point.map((x, axis) => (x - spans[axis][0]) * scale + shift[axis]))), pen);
  const start = spans.map(([low, high]) => 14 - (scale * (high - low)) / 2);
  const mass = [0, 0, 0];
  put(start).forEach((ink, i) => {
    mass[0] += ink * ((i % 28) + 0.5);
    mass[1] += ink * (Math.floor(i / 28) + 0.5);
    mass[2] += ink;
  });
  return put(start.map((place, axis) => place + 14 - mass[axis] / mass[2])).map((ink) => Math.round(255 * ink));
};

// How much of each of 28 x 28 pixels is under the pen, from 0 to 1.
kd.inked = (strokes, pen) => {
  const ink = new Array(28 * 28).fill(0);
  const far = pen + 1;
  for (const stroke of strokes) {
    for (const [i, [x0, y0]] of stroke.entries()) {
      const [x1, y1] = stroke[i + 1] ?? [x0, y0];
      const [dx, dy] = [x1 - x0, y1 - y0];
      const long = dx * dx + dy * dy || 1;
      const [left, right] = [Math.min(x0, x1) - far, Math.max(x0, x1) + far].map((x) => kd.clamp(Math.round(x), 0, 28));
      const [top, floor] = [Math.min(y0, y1) - far, Math.max(y0, y1) + far].map((y) => kd.clamp(Math.round(y), 0, 28));
      for (let y = top; y < floor; y++) {
        for (let x = left; x < right; x++) {
          const along = kd.clamp(((x + 0.5 - x0) * dx + (y + 0.5 - y0) * dy) / long, 0, 1);
          const away = Math.hypot(x + 0.5 - x0 - along * dx, y + 0.5 - y0 - along * dy);
          ink[28 * y + x] = Math.max(ink[28 * y + x], kd.clamp(pen + 0.5 - away, 0, 1));
        }
      }
    }
  }
  return ink;
};

kd.sliders.digits = ({ models, shape, weights, labels, names, images, start }) => {
  const network = kd.network({ models, shape, weights });
  const kinds = ["kd-teacher", "kd-scratch", "kd-distilled"];
  const examples = images.map((image) => kd.pixelsOf(image).map((paper) => 255 - paper));
  let strokes = [];
  let pen = { x: 100, y: 100, down: false, seen: false }; // moved by keys
  let shown = start.index;
  const off = () => shown > 0; // the reader's own drawing is not on the paper
  let repaint = () => {};

  function paper(index) {
    if (index) {
      return `<svg viewBox="0 0 200 200" aria-hidden="true"><image href="${images[index - 1]}" width="200" height="200"/>
        ${kd.box(0.5, 0.5, 199, 199, "kd-line")}</svg>`;
    }
    const line = (stroke) => `<polyline points="${kd.points(stroke.length > 1 ? stroke : [...stroke, ...stroke])}" class="kd-stroke"/>`;
    const mark = pen.seen ? kd.dot(pen.x, pen.y, 5, pen.down ? "kd-teacher" : "kd-line") : "";
    const hint = strokes.length || pen.seen ? "" : kd.text(100, 104, "Draw a digit here", "kd-middle");
    return `<svg viewBox="0 0 200 200" aria-hidden="true">${kd.box(0.5, 0.5, 199, 199, "kd-line")}${hint}${strokes.map(line).join("")}${mark}</svg>`;
  }

  function draw({ temperature, index }) {
    shown = index;
    const t = kd.short(temperature);
    const digit = index ? examples[index - 1] : kd.asDigit(strokes);
    const title = `Shares at T = ${t}`;
    const group = (name, kind, shares) => ({ name, kind, shares });
    const bars = (groups, write) => kd.legend(groups.map(({ name, kind }) => [kind, name]))
      + kd.bars({ title, labels, groups, marks: kd.shares, room: 200, write });
    const blank = models.map(({ name }, m) => group(name, kinds[m], labels.map(() => 0)));
    const values = { temperature: `temperature ${t}` };
    const wait = (said) =>
      ({ pictures: { pad: paper(index), seen: "", bars: bars(blank, () => "not asked") }, said, values });
    if (network.problem) return wait(`${kd.escape(network.problem)}. Reload the page with a network.`);
    if (!digit) return wait(strokes.length ? "That is a dot. Draw the digit larger." : "An empty paper is no digit: the networks are not asked.");
    if (!network.ready()) {
      network.load(repaint);
      return wait("Loading the three networks, once.");
    }
    const logits = network.logits(kd.resized(digit, [28, 28], shape.slice(1)));
    const groups = models.map(({ name }, m) => group(name, kinds[m], kd.softmax(logits[m], temperature)));
    const tops = groups.map(({ name, shares }) => {
      const most = Math.max(...shares);
      return `${kd.escape(name)}: <b>${kd.escape(labels[shares.indexOf(most)])}</b> ${kd.escape(kd.percent(most))}`;
    });
    const paperless = kd.pictureOf(digit.map((ink) => 255 - ink), [28, 28]); // black on white, as the examples
    const seen = `<img src="${paperless}" alt=""> 28\u00a0×\u00a028`;
    return {
      pictures: { pad: paper(index), seen, bars: bars(groups) },
      said: `At temperature ${t}, ${tops.join("; ")}.`,
      values,
    };
  }

  // The paper hears fingers, mouse and pen, and keys: arrows move the pen, space puts it down and lifts it.
  function attach({ one, choose, later, tell }) {
    repaint = tell;
    const pad = one("pad");
    pad.tabIndex = 0;
    pad.dataset.lmSuppressShortcuts = "";
    pad.setAttribute("role", "application");
    pad.setAttribute("aria-label", "Paper to draw a digit on. Arrow keys move the pen, space puts it down or lifts it.");
    const place = (event) => {
      const { left, top, width } = pad.getBoundingClientRect();
      return [event.clientX - left, event.clientY - top].map((x) => kd.clamp((200 * x) / width, 0, 200));
    };
    const begin = (point) => {
      if (off()) strokes = []; // an example lay on the paper
      strokes.push([point]);
      choose({ index: 0 });
      later();
    };
    const go = (point) => {
      strokes.at(-1).push(point);
      later();
    };
    pad.addEventListener("pointerdown", (event) => {
      if (event.button || !event.isPrimary) return;
      pad.setPointerCapture(event.pointerId);
      pen.seen = pen.down = false;
      begin(place(event));
    });
    pad.addEventListener("pointermove", (event) => {
      if (!pad.hasPointerCapture(event.pointerId)) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) go(place(each));
    });
    pad.addEventListener("pointerup", tell);
    pad.addEventListener("keydown", (event) => {
      const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      if ((!way && event.key !== " ") || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      pen.seen = true;
      if (!way) pen.down = !pen.down;
      else [pen.x, pen.y] = [pen.x + 10 * way[0], pen.y + 10 * way[1]].map((x) => kd.clamp(x, 10, 190));
      if (!way && pen.down) begin([pen.x, pen.y]);
      else if (way && pen.down) go([pen.x, pen.y]);
      (way ? later : tell)();
    });
    const without = (kept) => {
      strokes = kept;
      pen.down = false;
      tell();
    };
    return { clear: () => without([]), undo: () => without(off() ? strokes : strokes.slice(0, -1)) };
  }

  let paperOf = { clear() {}, undo() {} };
  return {
    layout: [["pad", "buttons", "seen"], ["bars", "temperature", "said"]],
    tracks: { temperature: kd.temperature({ left: 82 }) },
    choices: [{
      name: "index", legend: "Digit",
      options: ["My drawing", ...names].map((words, i) => ({ value: i, words, image: images[i - 1] })),
    }],
    buttons: [
      { words: () => "Clear", press: () => { paperOf.clear(); return { index: 0 }; } },
      { words: () => "Undo", press: () => { paperOf.undo(); return { index: 0 }; } },
      kd.reset(`T = ${kd.short(start.temperature)}`, { temperature: start.temperature }),
    ],
    attach: (view) => (paperOf = attach(view)),
    draw,
  };
};
