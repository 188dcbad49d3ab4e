// The answers explorer of kdlib.widgets: one module for Jupyter (through anywidget) and for the built page.
// Python draws the picture (trait `markup`); this file moves what it finds in it by its data-kd name.

function logSoftmax(logits, t) {
  const top = Math.max(...logits); // subtracted so that exp cannot overflow
  const gaps = logits.map((z) => (z - top) / t);
  const norm = Math.log(gaps.reduce((sum, gap) => sum + Math.exp(gap), 0));
  return gaps.map((gap) => gap - norm);
}

export const softmax = (logits, t) => logSoftmax(logits, t).map(Math.exp);

// KL(teacher || student) of the softened answers, in nats.
export function distance(teacher, student, t) {
  const [p, q] = [logSoftmax(teacher, t), logSoftmax(student, t)];
  return Math.max(0, p.reduce((nats, x, i) => nats + Math.exp(x) * (x - q[i]), 0));
}

function percent(share) {
  const x = 100 * share;
  if (x > 0 && x < 0.01) return "<0.01\u00a0%";
  if (x >= 99.95 && x < 100) return ">99.9\u00a0%";
  return `${x.toFixed(x === 0 || x === 100 ? 0 : x < 1 ? 2 : 1)}\u00a0%`;
}

const number = (x) => x.toFixed(x >= 1 ? 2 : x >= 0.1 ? 3 : x >= 0.01 ? 4 : x > 0 ? 5 : 0);
const put = (node, name, value) => node.setAttribute(name, value);
const short = (x) => String(Number(x.toPrecision(3)));

function render({ model, el }) {
  if (!el.querySelector(".kd-explorer")) el.innerHTML = model.get("markup"); // in the page it is there already
  const all = (name) => [...el.querySelectorAll(`[data-kd="${name}"]`)];
  const one = (name) => all(name)[0];
  const write = (name, text) => all(name).forEach((node) => (node.textContent = text));
  const writeEach = (name, texts) => all(name).forEach((node, m) => (node.textContent = texts[m]));
  const [bars, classes, choices] = ["bar", "label", "choice"].map(all);
  const [slider, knob, reset] = ["slider", "knob", "reset"].map(one);
  const [models, labels, names, truths] = ["models", "labels", "names", "truths"].map((name) => model.get(name));
  const full = Number(one("bars").dataset.full);
  const [x, w] = [slider.dataset.x, slider.dataset.w].map(Number);

  function paintExample(index, truth) {
    choices.forEach((node, i) => (node.checked = i === index));
    classes.forEach((node, i) => put(node, "font-weight", i === truth ? 700 : 400));
    put(one("tick"), "d", `M1,${classes[truth].getAttribute("y") - 4}l4,4l6,-9`);
    write("name", names[index]);
    write("truth", labels[truth]);
  }

  function paintAnswers(t, logits, truth) {
    const shares = logits.map((z) => softmax(z, t));
    // class by class, and in each the models in their order
    bars.forEach((node, k) => {
      const p = shares[k % models.length][Math.floor(k / models.length)];
      put(node, "width", (full * p).toFixed(2));
    });
    const most = shares.map((p) => Math.max(...p));
    const far = logits.slice(1).map((z) => number(distance(logits[0], z, t)));
    write("temperature", short(t));
    writeEach("top", shares.map((p, m) => labels[p.indexOf(most[m])]));
    writeEach("share", most.map(percent));
    writeEach("distance", far);
    const list = far.map((nats, m) => `${models[m + 1]} ${nats}`).join(", ");
    put(slider, "aria-valuetext", `temperature ${short(t)}, distance from the teacher: ${list} nats`);
    const rows = labels.map((label, i) => {
      return `${label}: ${models.map((name, m) => `${name} ${percent(shares[m][i])}`).join(", ")}`;
    });
    const said = `Shares at temperature ${short(t)}. ${rows.join("; ")}. True class: ${labels[truth]}`;
    put(one("bars"), "aria-label", said);
    put(knob, "cx", (x + (w * (Math.log10(t) + 1)) / 3).toFixed(2));
  }

  // However many events arrive, the picture is painted, and Python told, at most once a frame.
  let frame = 0;
  let unsaved = false; // the change came from this view, and Python has to hear of it
  function paint() {
    frame = 0;
    const [t, index] = [model.get("temperature"), model.get("index")];
    paintExample(index, truths[index]);
    paintAnswers(t, model.get("logits").map((rows) => rows[index]), truths[index]);
    if (pointed() !== t) slider.value = Math.log10(t);
    if (unsaved) model.save_changes();
    unsaved = false;
  }
  const later = () => (frame ||= requestAnimationFrame(paint));
  function choose(name, value) {
    if (model.get(name) === value) return; // no change, so no event, and nothing to save
    unsaved = true;
    model.set(name, value);
  }
  // Two digits are enough for a temperature: 2.5, not 2.4974.
  const pointed = () => Number((10 ** slider.value).toPrecision(2));
  const take = () => choose("temperature", pointed());

  const off = new AbortController();
  const listen = (node, event, act) => node.addEventListener(event, act, { signal: off.signal });
  listen(slider, "input", take);
  // The browser cancels a touch that turns into scrolling the page: it was not meant for the slider.
  let before;
  listen(slider, "pointerdown", () => (before = model.get("temperature")));
  listen(slider, "pointercancel", () => choose("temperature", before));
  listen(slider, "keydown", (event) => {
    const way = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
    if (!way || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault(); // twenty steps a decade: 1, 1.1, 1.3, 1.4, 1.6, 1.8, 2, 2.2, 2.5, ...
    slider.value = (Math.round(20 * Math.log10(model.get("temperature"))) + way) / 20;
    take();
  });
  listen(reset, "click", () => choose("temperature", Number(reset.dataset.temperature)));
  listen(el.querySelector("form"), "submit", (event) => event.preventDefault());
  choices.forEach((node, i) =>
    listen(node, "change", () => {
      choose("index", i);
      paint();
      write("live", one("summary").textContent); // said once; the slider speaks for itself
    }),
  );
  for (const name of ["temperature", "index"]) model.on(`change:${name}`, later);
  paint();
  one("explorer").classList.add("kd-live");
  return () => {
    off.abort();
    cancelAnimationFrame(frame);
    for (const name of ["temperature", "index"]) model.off(`change:${name}`, later);
  };
}

export default { render };
