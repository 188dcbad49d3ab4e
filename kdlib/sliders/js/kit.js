// What all sliders share: arithmetic, words, drawing, controls, and the view that joins them to a model. Each slider's
// file adds `kd.sliders.<kind>`. They are classic scripts in the book's pages (see page.js); for Jupyter
// kdlib.sliders.slider joins kit and slider into one module.
//
// kd.sliders.<kind>(data) gives the parts of a slider:
//   layout   its panels, each a list of names: of pictures, of tracks, "said" or "buttons", or of choices, which
//            otherwise stand on top
//   tracks   by name of the setting that they move, see `kd.track`
//   choices  groups of radio buttons: { name, legend, options: [{ value, words, image }], also(value) }
//   buttons  { words(setting), press(setting) }: press gives the settings that it changes, or nothing where
//            it has changed something else, which is to be drawn and said
//   settle   (setting, the last one) => settings that have to follow, if any
//   attach   what listens to a picture by itself: ({ one, choose, later, tell }) => ..., with the picture by its name,
//            what changes settings, and what asks for a new drawing, to be said to screen readers too or not; if any
//   draw     (setting) => { pictures: HTML by name, said: HTML, off: tracks that do not move,
//            values: words for screen readers by track, where its name and number do not say enough }

const kd = { sliders: {} };

// ---- arithmetic ----

kd.sum = (values) => values.reduce((total, x) => total + x, 0);
kd.range = (count) => Array.from({ length: count }, (_, i) => i);
kd.clamp = (x, low, high) => Math.min(high, Math.max(low, x));
kd.likeliest = (shares) => shares.indexOf(Math.max(...shares)); // or of logits

kd.logSoftmax = (logits, t) => {
  const top = Math.max(...logits); // subtracted so that exp cannot overflow
  const gaps = logits.map((z) => (z - top) / t);
  const norm = Math.log(kd.sum(gaps.map(Math.exp)));
  return gaps.map((gap) => gap - norm);
};

kd.softmax = (logits, t) => kd.logSoftmax(logits, t).map(Math.exp);

// KL(teacher || student) of the softened answers, in nats; none is negative but by rounding.
kd.divergence = (teacher, student, t) => {
  const [p, q] = [kd.logSoftmax(teacher, t), kd.logSoftmax(student, t)];
  return Math.max(0, kd.sum(p.map((x, i) => Math.exp(x) * (x - q[i]))));
};

// ---- words ----

kd.percent = (share) => {
  const x = 100 * share;
  if (x > 0 && x < 0.01) return "<0.01\u00a0%";
  if (x >= 99.95 && x < 100) return ">99.9\u00a0%";
  return `${x.toFixed(x === 0 || x === 100 ? 0 : x < 1 ? 2 : 1)}\u00a0%`;
};

// At least two decimals, and up to five where the number is small.
kd.nats = (x) => x.toFixed(x >= 1 ? 2 : x >= 0.1 ? 3 : x >= 0.01 ? 4 : x > 0 ? 5 : 0);

kd.minus = (x) => String(x).replace("-", "\u2212");
kd.short = (x) => String(Number(x.toPrecision(3)));
kd.count = (x) => x.toLocaleString("en"); // 1,200
kd.plural = (count, noun) => `${kd.count(count)} ${noun}${count === 1 ? "" : "s"}`;

// The sign of a number as it is written, so that what reads as zero counts as zero.
kd.sign = (x, digits) => (Number(Math.abs(x).toFixed(digits)) === 0 ? 0 : Math.sign(x));
kd.signed = (x, digits) => ["\u2212", "", "+"][kd.sign(x, digits) + 1] + Math.abs(x).toFixed(digits);

// What several models say, each with its largest share; groups as `kd.bars` has them.
kd.firsts = (groups, labels) => groups.map(({ name, shares }) => {
  const top = kd.likeliest(shares);
  return `${kd.escape(name)}: <b>${kd.escape(labels[top])}</b> ${kd.escape(kd.percent(shares[top]))}`;
}).join("; ");

kd.escape = (words) => String(words).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
kd.cut = (words, most) => (words.length <= most ? words : `${words.slice(0, most - 1)}…`);

// ---- drawing: SVG as text, in units of a picture 320 wide; `kind` is a class of sliders.css ----

kd.kinds = { teacher: "kd-teacher", alone: "kd-scratch", distilled: "kd-distilled" }; // the colours of models

kd.f = (x) => Number(x.toFixed(2));
kd.text = (x, y, words, kind = "") => `<text x="${kd.f(x)}" y="${kd.f(y)}" class="${kind}">${kd.escape(words)}</text>`;
kd.mark = (kind) => `<tspan class="${kind}">■</tspan>`; // before words of a text
kd.line = (d, kind) => `<path d="${d}" class="${kind}"/>`;
kd.dot = (x, y, r, kind, words) => {
  const title = words ? `<title>${kd.escape(words)}</title>` : "";
  return `<circle cx="${kd.f(x)}" cy="${kd.f(y)}" r="${r}" class="${kind}">${title}</circle>`;
};
kd.box = (x, y, width, height, kind) =>
  `<rect x="${kd.f(x)}" y="${kd.f(y)}" width="${kd.f(width)}" height="${kd.f(height)}" class="${kind}"/>`;
kd.points = (points) => points.map(([x, y]) => `${kd.f(x)},${kd.f(y)}`).join(" ");

// A picture: what it shows in words, for screen readers, and its parts. One of half the width stands beside words.
kd.drawing = (width, height, words, ...parts) =>
  `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${kd.escape(words)}">${parts.flat(2).join("")}</svg>`;
kd.picture = (height, words, ...parts) => kd.drawing(320, height, words, ...parts);

// A line of marks and what they mean: [class of a bar or a curve, words].
kd.legend = (items) => {
  const one = ([kind, words]) => {
    const [width, mark] = kind.includes("kd-curve") ? [20, kd.line("M0,5h20", kind)] : [10, kd.box(0, 0, 10, 10, kind)];
    return `<span><svg viewBox="0 0 ${width} 10" aria-hidden="true">${mark}</svg>${kd.escape(words)}</span>`;
  };
  return `<p class="kd-legend">${items.map(one).join("")}</p>`;
};

kd.scale = (low, high, from, to) => (value) => from + ((to - from) * (value - low)) / (high - low);

// ---- controls ----

// A track with its knob. From setting to place: `at`, and back: `value`; an arrow key goes by `key` places. `head`
// gives the words beside or, with `above`, over it; `marks` are [place, words, class] below; `label` is its name.
kd.marks = (values, at = (x) => x) => values.map((value) => [at(value), String(value), "kd-middle"]);
kd.track = (options) => {
  return { left: 106, right: 308, at: (x) => x, value: (x) => x, key: options.step, marks: [], ...options };
};

// Two digits are enough for a temperature: 2.5, not 2.4974. Keys go twenty steps a decade: 1, 1.1, 1.3, 1.4, ...
// It goes from the first of `places` to the last, and all are marked.
kd.temperature = ({ places = [0.1, 1, 10, 100], ...options }) =>
  kd.track({
    label: "temperature", low: Math.log10(places[0]), high: Math.log10(places.at(-1)), step: 0.005, key: 0.05,
    at: Math.log10, value: (x) => Number((10 ** x).toPrecision(2)),
    head: ({ temperature }) => `T = ${kd.short(temperature)}`,
    marks: kd.marks(places, Math.log10),
    ...options,
  });

kd.trackMarkup = (name, { left, right, low, high, step, label, marks, above }) => {
  const [y, height] = above ? [34, 64] : [15, 44];
  const place = kd.scale(low, high, left, right);
  const texts = marks.map(([at, words, kind]) => kd.text(place(at), y + 25, words, kind));
  return `<div class="kd-track" style="--x:${left / 3.2}%;--w:${(right - left) / 3.2}%;--y:${(100 * y) / height}%">
    <svg viewBox="0 0 320 ${height}" aria-hidden="true">${kd.text(0, above ? 14 : 20, "", "kd-head")}${texts.join("")}
      ${kd.line(`M${left},${y}H${right}`, "kd-rail")}</svg>
    <input type="range" name="${name}" min="${low}" max="${high}" step="${step}" aria-label="${kd.escape(label)}"
      autocomplete="off" data-lm-suppress-shortcuts></div>`;
};

kd.choiceMarkup = ({ name, legend, options }) => {
  const one = ({ words, image }, i) => `<label title="${kd.escape(words)}">
    <input type="radio" name="${name}" value="${i}" aria-label="${kd.escape(words)}"
      autocomplete="off" data-lm-suppress-shortcuts>
    ${image ? `<img src="${image}" alt="">` : `<span>${kd.escape(words)}</span>`}</label>`;
  const chosen = options[0].image ? `<span data-kd="chosen-${name}"></span>` : "";
  return `<fieldset><legend>${legend}</legend>${options.map(one).join("")}${chosen}</fieldset>`;
};

kd.options = (values, write = String) => values.map((value) => ({ value, words: write(value) }));

// The examples as a choice, if there are several.
kd.examples = (names, images = [], legend = "Example") => {
  const options = names.map((words, value) => ({ value, words, image: images[value] }));
  return names.length < 2 ? [] : [{ name: "index", legend, options }];
};

kd.reset = (words, start) => ({ words: () => words, press: () => start });

// ---- the view ----

// Shows a slider in `el` and keeps it and the model at one; gives what ends it.
kd.show = (kind, { model, el }) => {
  const data = model.get("data");
  const slider = kd.sliders[kind](data);
  const { layout, draw, tracks = {}, choices = [], buttons = [], settle = () => ({}), attach } = slider;
  const names = Object.keys(data.start);
  const button = (_, i) => `<button type="button" name="${i}" data-lm-suppress-shortcuts></button>`;
  const bare = {
    said: `<p data-kd="said"></p>`,
    buttons: `<div class="kd-buttons">${buttons.map(button).join("")}</div>`,
  };
  const groups = Object.fromEntries(choices.map((choice) => [choice.name, kd.choiceMarkup(choice)]));
  const slot = (name) => {
    if (tracks[name]) return kd.trackMarkup(name, tracks[name]);
    return bare[name] ?? groups[name] ?? `<div data-kd="${name}"></div>`;
  };
  const left = (names) => names.filter((name) => !layout.flat().includes(name)).map(slot).join("");
  const view = document.createElement("form");
  view.className = `kd-view kd-view-${kind}`;
  view.innerHTML = `${left(Object.keys(groups))}
    <div class="kd-panels">${layout.map((panel) => `<div>${panel.map(slot).join("")}</div>`).join("")}</div>
    <div class="kd-foot">${left(Object.keys(bare))}</div><div data-kd="live" aria-live="polite"></div>`;
  const one = (name) => view.querySelector(`[data-kd="${name}"]`);
  const inputs = Object.keys(tracks).map((name) => view.querySelector(`input[name="${name}"]`));

  // However many events arrive, the picture is painted, and Python told, at most once a frame.
  let frame = 0;
  let unsaved = false; // the change came from this view, and Python has to hear of it
  let announce = false; // a button does not say what it has done; a slider speaks for itself
  let last = {};
  const read = () => Object.fromEntries(names.map((name) => [name, model.get(name)]));
  const later = () => (frame ||= requestAnimationFrame(paint));
  function choose(changes) {
    for (const [name, value] of Object.entries(changes)) {
      if (model.get(name) === value) continue; // no change, so no event, and nothing to save
      unsaved = true;
      model.set(name, value);
    }
  }
  function paintControls(setting, values, off) {
    for (const input of inputs) {
      const track = tracks[input.name];
      const value = setting[input.name];
      if (track.value(Number(input.value)) !== value) input.value = track.at(value);
      input.disabled = off.includes(input.name);
      input.setAttribute("aria-valuetext", values[input.name] ?? `${input.name} ${kd.short(value)}`);
      input.parentElement.querySelector("text").textContent = track.head(setting);
    }
    for (const { name, options } of choices) {
      const i = options.findIndex(({ value }) => value === setting[name]);
      view.querySelector(`input[name="${name}"][value="${i}"]`).checked = true;
      if (one(`chosen-${name}`)) one(`chosen-${name}`).textContent = options[i].words;
    }
    view.querySelectorAll("button").forEach((node, i) => (node.textContent = buttons[i].words(setting)));
  }
  function paint() {
    choose(settle(read(), last));
    cancelAnimationFrame(frame);
    frame = 0;
    last = read();
    const { pictures, said, values = {}, off = [] } = draw(last);
    for (const [name, html] of Object.entries(pictures)) one(name).innerHTML = html;
    one("said").innerHTML = said;
    paintControls(last, values, off);
    if (announce) one("live").textContent = one("said").textContent;
    announce = false;
    if (unsaved) model.save_changes();
    unsaved = false;
  }

  for (const input of inputs) {
    const { at, value, key } = tracks[input.name];
    let before; // the browser cancels a touch that turns into scrolling: it was not meant for the slider
    input.addEventListener("pointerdown", () => (before = model.get(input.name)));
    input.addEventListener("pointercancel", () => choose({ [input.name]: before }));
    input.addEventListener("input", () => choose({ [input.name]: value(Number(input.value)) }));
    input.addEventListener("keydown", (event) => {
      const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!way || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      input.value = (Math.round(at(model.get(input.name)) / key) + way) * key;
      choose({ [input.name]: value(Number(input.value)) });
    });
  }
  const tell = () => (announce = later() > 0);
  function act(changes) {
    choose(changes);
    announce = frame > 0; // if there is anything new to say
  }
  for (const { name, options, also = () => ({}) } of choices) {
    for (const node of view.querySelectorAll(`input[name="${name}"]`)) {
      const { value } = options[node.value];
      node.addEventListener("change", () => act({ [name]: value, ...also(value) }));
    }
  }
  view.querySelectorAll("button").forEach((node, i) => {
    node.addEventListener("click", () => {
      const changes = buttons[i].press(read());
      if (changes) act(changes);
      else tell();
    });
  });
  view.addEventListener("submit", (event) => event.preventDefault());
  for (const name of names) model.on(`change:${name}`, later);
  attach?.({ one, choose, later, tell });
  paint();
  el.append(view);
  el.classList.add("kd-slider", "kd-live");
  return () => {
    cancelAnimationFrame(frame);
    for (const name of names) model.off(`change:${name}`, later);
    view.remove();
  };
};
