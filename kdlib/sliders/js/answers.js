// The answers explorer of kdlib.sliders.widgets.

// KL(teacher || student) of the softened answers, in nats.
export function distance(teacher, student, t) {
  const [p, q] = [logSoftmax(teacher, t), logSoftmax(student, t)];
  return Math.max(0, p.reduce((nats, x, i) => nats + Math.exp(x) * (x - q[i]), 0));
}

function render({ model, el }) {
  const { all, one, write } = parts({ model, el });
  const writeEach = (name, texts) => all(name).forEach((node, m) => (node.textContent = texts[m]));
  const [bars, classes, choices] = ["bar", "label", "choice"].map(all);
  const heat = temperatureSlider(one("slider"));
  const [models, labels, names, truths] = ["models", "labels", "names", "truths"].map((name) => model.get(name));
  const full = Number(one("bars").dataset.full);
  const [x, w] = [heat.input.dataset.x, heat.input.dataset.w].map(Number);

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
    put(heat.input, "aria-valuetext", `temperature ${short(t)}, distance from the teacher: ${list} nats`);
    const rows = labels.map((label, i) => {
      return `${label}: ${models.map((name, m) => `${name} ${percent(shares[m][i])}`).join(", ")}`;
    });
    const said = `Shares at temperature ${short(t)}. ${rows.join("; ")}. True class: ${labels[truth]}`;
    put(one("bars"), "aria-label", said);
    put(one("knob"), "cx", (x + (w * (Math.log10(t) + 1)) / 3).toFixed(2));
  }

  function draw() {
    const [t, index] = [model.get("temperature"), model.get("index")];
    paintExample(index, truths[index]);
    paintAnswers(t, model.get("logits").map((rows) => rows[index]), truths[index]);
  }
  return connect({ model, el }, { sliders: [heat], start: numbers(one("reset")), draw });
}

export default { render };
