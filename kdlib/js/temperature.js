// The temperature explorer of kdlib.widgets: one module for Jupyter (through anywidget) and for the built page.
// Python draws the picture (trait `markup`); this file only moves what it finds in it by its data-kd name.

export function softmax(logits, temperature) {
  const top = Math.max(...logits); // subtracted so that exp cannot overflow
  const weights = logits.map((z) => Math.exp((z - top) / temperature));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((w) => w / sum);
}

export function entropy(p) {
  return p.reduce((nats, x) => (x > 0 ? nats - x * Math.log(x) : nats), 0);
}

export function percent(share) {
  const x = 100 * share;
  if (x > 0 && x < 0.01) return "<0.01\u00a0%";
  if (x >= 99.95 && x < 100) return ">99.9\u00a0%";
  return `${x.toFixed(x === 0 || x === 100 ? 0 : x < 1 ? 2 : 1)}\u00a0%`;
}

const short = (x) => String(Number(x.toPrecision(3)));

function render({ model, el }) {
  if (!el.querySelector(".kd-explorer")) el.innerHTML = model.get("markup"); // in the page it is there already
  const all = (name) => [...el.querySelectorAll(`[data-kd="${name}"]`)];
  const one = (name) => all(name)[0];
  const write = (name, text) => all(name).forEach((node) => (node.textContent = text));
  const [bars, ghosts, values, choices] = ["bar", "ghost", "value", "choice"].map(all);
  const [slider, curve, dot, guide, knob] = ["slider", "curve", "dot", "guide", "knob"].map(one);
  const form = el.querySelector("form");
  const labels = model.get("labels");
  const names = model.get("names");
  const full = Number(one("track").getAttribute("width"));
  const axis = Object.fromEntries(Object.entries(one("plot").dataset).map(([k, v]) => [k, Number(v)]));
  const most = Math.log(labels.length);
  const across = (temperature) => axis.x + (axis.w * (Math.log10(temperature) + 1)) / 3;
  const up = (nats) => axis.y - (axis.h * nats) / most;
  const logits = () => model.get("logits")[model.get("index")];

  function paintExample() {
    const z = logits();
    const ghost = softmax(z, 1);
    const top = ghost.indexOf(Math.max(...ghost));
    ghosts.forEach((node, i) => node.setAttribute("width", (full * ghost[i]).toFixed(2)));
    all("label").forEach((node, i) => node.setAttribute("font-weight", i === top ? 700 : 400));
    const points = Array.from({ length: 61 }, (_, k) => {
      const temperature = 10 ** (k / 20 - 1);
      return `${across(temperature).toFixed(1)},${up(entropy(softmax(z, temperature))).toFixed(1)}`;
    });
    curve.setAttribute("points", points.join(" "));
    choices.forEach((node, i) => (node.checked = i === model.get("index")));
    write("name", names[model.get("index")]);
  }

  function paintTemperature() {
    const temperature = model.get("temperature");
    const p = softmax(logits(), temperature);
    const nats = entropy(p);
    const shares = p.map(percent);
    const top = p.indexOf(Math.max(...p));
    const [x, y] = [across(temperature).toFixed(2), up(nats).toFixed(2)];
    bars.forEach((node, i) => node.setAttribute("width", (full * p[i]).toFixed(2)));
    values.forEach((node, i) => (node.textContent = shares[i]));
    for (const node of [dot, knob]) node.setAttribute("cx", x);
    dot.setAttribute("cy", y);
    guide.setAttribute("d", `M${x},${y}V${knob.getAttribute("cy")}`);
    write("temperature", short(temperature));
    write("entropy", nats.toFixed(2));
    write("top", labels[top]);
    write("share", shares[top]);
    const said = `temperature ${short(temperature)}, entropy ${nats.toFixed(2)} nats`;
    slider.setAttribute("aria-valuetext", said);
    one("plot").setAttribute("aria-label", `Entropy against temperature: ${said}, at most ${most.toFixed(2)}`);
    const list = labels.map((label, i) => `${label} ${shares[i]}`).join(", ");
    one("bars").setAttribute("aria-label", `Probabilities at temperature ${short(temperature)}: ${list}`);
  }

  // However many events arrive, the picture is painted, and Python told, at most once a frame.
  let frame = 0;
  let example = true; // a new example has to be painted
  let unsaved = false; // the change came from this view, and Python has to hear of it
  function paint() {
    frame = 0;
    if (example) paintExample();
    paintTemperature();
    if (pointed() !== model.get("temperature")) slider.value = Math.log10(model.get("temperature"));
    if (unsaved) model.save_changes();
    example = unsaved = false;
  }
  const later = () => (frame ||= requestAnimationFrame(paint));
  const newExample = () => {
    example = true;
    later();
  };
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
  listen(one("reset"), "click", () => {
    slider.value = 0;
    take();
  });
  listen(form, "submit", (event) => event.preventDefault());
  choices.forEach((node, i) =>
    listen(node, "change", () => {
      choose("index", i);
      paint();
      write("live", one("summary").textContent); // said once; the slider speaks for itself
    }),
  );
  model.on("change:temperature", later);
  model.on("change:index", newExample);
  paint();
  one("explorer").classList.add("kd-live");
  return () => {
    off.abort();
    cancelAnimationFrame(frame);
    model.off("change:temperature", later);
    model.off("change:index", newExample);
  };
}

export default { render };
