// The temperature explorer of kdlib.sliders.widgets.

export function entropy(p) {
  return p.reduce((nats, x) => (x > 0 ? nats - x * Math.log(x) : nats), 0);
}

function render({ model, el }) {
  const { all, one, write } = parts({ model, el });
  const [bars, ghosts, values, choices] = ["bar", "ghost", "value", "choice"].map(all);
  const [curve, dot, guide, knob] = ["curve", "dot", "guide", "knob"].map(one);
  const heat = temperatureSlider(one("slider"));
  const labels = model.get("labels");
  const names = model.get("names");
  const full = Number(one("track").getAttribute("width"));
  const axis = numbers(one("plot"));
  const most = Math.log(labels.length);
  const across = (temperature) => axis.x + (axis.w * (Math.log10(temperature) + 1)) / 3;
  const up = (nats) => axis.y - (axis.h * nats) / most;
  let painted; // the example whose curve is drawn

  function paintExample(z, index) {
    const ghost = softmax(z, 1);
    const top = ghost.indexOf(Math.max(...ghost));
    ghosts.forEach((node, i) => put(node, "width", (full * ghost[i]).toFixed(2)));
    all("label").forEach((node, i) => put(node, "font-weight", i === top ? 700 : 400));
    const points = Array.from({ length: 61 }, (_, k) => {
      const temperature = 10 ** (k / 20 - 1);
      return `${across(temperature).toFixed(1)},${up(entropy(softmax(z, temperature))).toFixed(1)}`;
    });
    put(curve, "points", points.join(" "));
    choices.forEach((node, i) => (node.checked = i === index));
    write("name", names[index]);
    painted = index;
  }

  function paintTemperature(z, temperature) {
    const p = softmax(z, temperature);
    const nats = entropy(p);
    const shares = p.map(percent);
    const top = p.indexOf(Math.max(...p));
    const [x, y] = [across(temperature).toFixed(2), up(nats).toFixed(2)];
    bars.forEach((node, i) => put(node, "width", (full * p[i]).toFixed(2)));
    values.forEach((node, i) => (node.textContent = shares[i]));
    for (const node of [dot, knob]) put(node, "cx", x);
    put(dot, "cy", y);
    put(guide, "d", `M${x},${y}V${knob.getAttribute("cy")}`);
    write("temperature", short(temperature));
    write("entropy", nats.toFixed(2));
    write("top", labels[top]);
    write("share", shares[top]);
    const said = `temperature ${short(temperature)}, entropy ${nats.toFixed(2)} nats`;
    put(heat.input, "aria-valuetext", said);
    put(one("plot"), "aria-label", `Entropy against temperature: ${said}, at most ${most.toFixed(2)}`);
    const list = labels.map((label, i) => `${label} ${shares[i]}`).join(", ");
    put(one("bars"), "aria-label", `Probabilities at temperature ${short(temperature)}: ${list}`);
  }

  function draw() {
    const index = model.get("index");
    const z = model.get("logits")[index];
    if (index !== painted) paintExample(z, index);
    paintTemperature(z, model.get("temperature"));
  }
  return connect({ model, el }, { sliders: [heat], start: { temperature: 1 }, draw });
}

export default { render };
