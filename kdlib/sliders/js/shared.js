// What all sliders share. kdlib.sliders.explorer puts it before the text of each slider's own file: one module for
// Jupyter (through anywidget) and for the built page. Python draws the picture (trait `markup`); a module only
// moves what it finds in it by its data-kd name.

function logSoftmax(logits, t) {
  const top = Math.max(...logits); // subtracted so that exp cannot overflow
  const gaps = logits.map((z) => (z - top) / t);
  const norm = Math.log(gaps.reduce((sum, gap) => sum + Math.exp(gap), 0));
  return gaps.map((gap) => gap - norm);
}

export const softmax = (logits, t) => logSoftmax(logits, t).map(Math.exp);

export function percent(share) {
  const x = 100 * share;
  if (x > 0 && x < 0.01) return "<0.01\u00a0%";
  if (x >= 99.95 && x < 100) return ">99.9\u00a0%";
  return `${x.toFixed(x === 0 || x === 100 ? 0 : x < 1 ? 2 : 1)}\u00a0%`;
}

// A loss or a divergence; none is negative but by rounding.
function number(value) {
  const x = Math.max(0, value);
  return x.toFixed(x >= 1 ? 2 : x >= 0.1 ? 3 : x >= 0.01 ? 4 : x > 0 ? 5 : 0);
}

const short = (x) => String(Number(x.toPrecision(3)));
const put = (node, name, value) => node.setAttribute(name, value);
const numbers = (node) => Object.fromEntries(Object.entries(node.dataset).map(([k, v]) => [k, Number(v)]));

// The picture's parts by name; in the page the picture is there already.
function parts({ model, el }) {
  if (!el.querySelector(".kd-explorer")) el.innerHTML = model.get("markup");
  const all = (name) => [...el.querySelectorAll(`[data-kd="${name}"]`)];
  const one = (name) => all(name)[0];
  const write = (name, text) => all(name).forEach((node) => (node.textContent = text));
  return { all, one, write };
}

// A slider: its trait, its input, how the trait is written, and the way to the input's value and back.
function slider(trait, input, say, enter, read, steps) {
  return { trait, input, say, enter, steps, pointed: () => read(input.value) };
}

// Two digits are enough for a temperature: 2.5, not 2.4974. Keys go twenty steps a decade: 1, 1.1, 1.3, 1.4, ...
const temperatureSlider = (input) =>
  slider("temperature", input, short, Math.log10, (value) => Number((10 ** value).toPrecision(2)), 20);

// Joins inputs, buttons and model, paints, and gives what ends it all. `start` is where "reset" leads.
function connect({ model, el }, { sliders, start, draw }) {
  const { all, one, write } = parts({ model, el });
  // However many events arrive, the picture is painted, and Python told, at most once a frame.
  let frame = 0;
  let unsaved = false; // the change came from this view, and Python has to hear of it
  function paint() {
    frame = 0;
    draw();
    for (const { trait, input, enter, pointed } of sliders) {
      if (pointed() !== model.get(trait)) input.value = enter(model.get(trait));
    }
    if (unsaved) model.save_changes();
    unsaved = false;
  }
  const later = () => (frame ||= requestAnimationFrame(paint));
  function choose(name, value) {
    if (model.get(name) === value) return; // no change, so no event, and nothing to save
    unsaved = true;
    model.set(name, value);
  }

  const off = new AbortController();
  const listen = (node, event, act) => node.addEventListener(event, act, { signal: off.signal });
  for (const { trait, input, enter, steps, pointed } of sliders) {
    listen(input, "input", () => choose(trait, pointed()));
    // The browser cancels a touch that turns into scrolling the page: it was not meant for the slider.
    let before;
    listen(input, "pointerdown", () => (before = model.get(trait)));
    listen(input, "pointercancel", () => choose(trait, before));
    if (!steps) continue; // its own steps are even
    listen(input, "keydown", (event) => {
      const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!way || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      input.value = (Math.round(steps * enter(model.get(trait))) + way) / steps;
      choose(trait, pointed());
    });
  }
  listen(one("reset"), "click", () => sliders.forEach(({ trait }) => choose(trait, start[trait])));
  listen(el.querySelector("form"), "submit", (event) => event.preventDefault());
  const choices = all("choice"); // the examples, where there are several
  choices.forEach((node, i) =>
    listen(node, "change", () => {
      choose("index", i);
      paint();
      write("live", one("summary").textContent); // said once; the slider speaks for itself
    }),
  );
  const traits = [...sliders.map(({ trait }) => trait), ...(choices.length ? ["index"] : [])];
  for (const trait of traits) model.on(`change:${trait}`, later);
  paint();
  one("explorer").classList.add("kd-live");
  return () => {
    off.abort();
    cancelAnimationFrame(frame);
    for (const trait of traits) model.off(`change:${trait}`, later);
  };
}

