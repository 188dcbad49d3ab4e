// A paper to draw a digit on: by finger, mouse, pen and keys.

// A stroke is a list of points [x, y] on a paper 200 wide and high. They become 28 x 28 grey numbers as MNIST made
// its own: 20 pixels on the longer side, the centre of mass in the middle. No digit is shorter than a tenth of the paper.
kd.asDigit = (strokes) => {
  const points = strokes.flat();
  const ends = (of) => [0, 1].map((axis) => of(...points.map((point) => point[axis])));
  const [low, high] = [ends(Math.min), ends(Math.max)];
  const longest = Math.max(high[0] - low[0], high[1] - low[1]);
  if (!(longest >= 20)) return null; // nothing drawn, or a dot
  const pen = 1.2; // pixels from the middle of a line to its edge
  const scale = (20 - 2 * pen) / longest;
  const moved = (point, shift) => point.map((x, axis) => (x - low[axis]) * scale + shift[axis]);
  const put = (shift) => kd.inked(strokes.map((stroke) => stroke.map((point) => moved(point, shift))), pen);
  const start = low.map((from, axis) => 14 - (scale * (high[axis] - from)) / 2);
  const first = put(start);
  const mean = (along) => kd.sum(first.map((ink, i) => ink * (along(i) + 0.5))) / kd.sum(first);
  const middle = [mean((i) => i % 28), mean((i) => Math.floor(i / 28))];
  return put(start.map((place, axis) => place + 14 - middle[axis])).map((ink) => Math.round(255 * ink));
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

// The paper and what lies on it. `attach` makes the picture "pad" hear fingers, mouse and pen, and keys:
// arrows move the pen, space puts it down and lifts it. It calls `begun` before a stroke, `later` while one
// is drawn, and `tell` after it.
kd.pad = () => {
  let strokes = [];
  const pen = { x: 100, y: 100, down: false, seen: false }; // moved by keys
  let drawn; // the stroke that grows now, by the pointer or the keys that began it
  const begin = (point) => strokes.push((drawn = [point, point])); // two points, so that a dot is seen
  const lift = (kept) => {
    strokes = kept;
    drawn = null;
    pen.down = false;
  };

  // With an image the drawing lies below it.
  function picture(image) {
    if (image) pen.down = false;
    const line = (stroke) => `<polyline points="${kd.points(stroke)}" class="kd-stroke"/>`;
    const mark = pen.seen ? kd.dot(pen.x, pen.y, 5, pen.down ? "kd-teacher" : "kd-line") : "";
    const hint = strokes.length || pen.seen ? "" : kd.text(100, 104, "Draw a digit here", "kd-middle");
    const drawn = image ? `<image href="${image}" width="200" height="200"/>`
      : hint + strokes.map(line).join("") + mark;
    return `<svg viewBox="0 0 200 200" aria-hidden="true">
      ${drawn}${kd.box(0.5, 0.5, 199, 199, "kd-line")}</svg>`;
  }

  function byPointer(node, { begun, later, tell }) {
    const place = (event) => {
      const { left, top, width } = node.getBoundingClientRect();
      return [event.clientX - left, event.clientY - top].map((x) => kd.clamp((200 * x) / width, 0, 200));
    };
    let finger = null; // or mouse, or pen: one at a time
    node.addEventListener("pointerdown", (event) => {
      if (event.button || !event.isPrimary || finger !== null) return;
      node.setPointerCapture((finger = event.pointerId));
      pen.seen = pen.down = false;
      begun();
      begin(place(event));
      later();
    });
    node.addEventListener("pointermove", (event) => {
      if (event.pointerId !== finger || !drawn) return;
      for (const each of event.getCoalescedEvents?.() ?? [event]) drawn.push(place(each));
      later();
    });
    node.addEventListener("lostpointercapture", ({ pointerId }) => pointerId === finger && (finger = null));
    node.addEventListener("pointerup", tell);
  }

  function byKeys(node, { begun, later, tell }) {
    node.addEventListener("keydown", (event) => {
      const way = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
      if ((!way && event.key !== " ") || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      pen.seen = true;
      if (way) {
        [pen.x, pen.y] = [pen.x + 10 * way[0], pen.y + 10 * way[1]].map((x) => kd.clamp(x, 10, 190));
        if (pen.down) drawn.push([pen.x, pen.y]);
        return later();
      }
      if (!pen.down) {
        begun();
        begin([pen.x, pen.y]);
      }
      pen.down = !pen.down;
      tell();
    });
  }

  function attach({ one, later, tell }, begun = () => {}) {
    const [node, calls] = [one("pad"), { begun, later, tell }];
    node.tabIndex = 0;
    node.dataset.lmSuppressShortcuts = "";
    node.setAttribute("role", "application");
    node.setAttribute("aria-label", "Paper to draw a digit on. Arrow keys move the pen, space puts it down or lifts it.");
    byPointer(node, calls);
    byKeys(node, calls);
  }
  return {
    picture, attach,
    blank: () => !strokes.length,
    digit: () => kd.asDigit(strokes),
    clear: () => lift([]),
    undo: () => lift(strokes.slice(0, -1)),
  };
};
