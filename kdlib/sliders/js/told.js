// The slider of kdlib.sliders.told_explorer over what dwell time tells the teacher.

const minus = "\u2212";

// As kdlib.numbers.signed: a real minus, and no sign for zero.
export function signed(x) {
  const text = Math.abs(x).toFixed(1);
  return Number(text) === 0 ? text : (x > 0 ? "+" : minus) + text;
}

export function verdict(low, high) {
  return low > 0 ? "more than nothing" : high < 0 ? "less than nothing" : "no gain detected";
}

function render({ model, el }) {
  const { all, one, write } = parts({ model, el });
  const places = model.get("places");
  const [teachers, gains] = ["teachers", "gains"].map((name) => numbers(one(name)));
  const across = (index) => (gains.x + (gains.w * index) / (places.length - 1)).toFixed(2);
  const up = (axis, value) => (axis.y - axis.h + (axis.h * (axis.high - value)) / (axis.high - axis.low)).toFixed(2);
  const place = slider("index", one("slider-index"), String, (x) => x, Number);

  function draw() {
    const index = model.get("index");
    const [name, logloss, gain, low, high] = places[index];
    const none = gain === null;
    const [x, nats] = [across(index), logloss.toFixed(3)];
    const found = none ? "not run" : `${signed(gain)} (${signed(low)} to ${signed(high)})`;
    const said = none ? found : `${found} thousandths: ${verdict(low, high)}`;
    write("name", name);
    write("teacher", nats);
    write("gain", found);
    write("said", said);
    put(one("teachers"), "aria-label", `Teacher’s logloss at ${name}: ${nats}`);
    put(one("gains"), "aria-label", `Student’s gain in thousandths of a nat at ${name}: ${said}`);
    put(place.input, "aria-valuetext", `${name}: teacher ${nats}, gain ${said}`);
    for (const dot of ["teacher-dot", "gain-dot", "knob-index"]) put(one(dot), "cx", x);
    put(one("teacher-dot"), "cy", up(teachers, logloss));
    put(one("gain-dot"), "cy", up(gains, none ? 0 : gain));
    put(one("gain-span"), "d", `M${x},${up(gains, high ?? 0)}V${up(gains, low ?? 0)}`);
    for (const mark of ["gain-dot", "gain-span"]) put(one(mark), "display", none ? "none" : "inline");
    all("guide").forEach((node) => put(node, "d", `M${x}${node.getAttribute("d").replace(/^M[^,]*/, "")}`));
  }
  return connect({ model, el }, { sliders: [place], start: numbers(one("reset")), draw });
}

export default { render };
