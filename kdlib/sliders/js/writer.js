// Two students write in the page, from the same prompt with the same random numbers; their teacher too, on request.
// needs bars.js
// needs net.js
// needs train.js
// needs live.js
// needs decoder.js
// needs field.js

kd.sliders.writer = ({ models, heads, characters, most, lengths, hottest, seeds, weights, start }) => {
  const [students, teacher] = [models.slice(0, 2), models[2]];
  const here = ({ stored }) => Boolean(kd.stored[stored]);
  const size = (some) => `${(kd.sum(some.map(({ bytes }) => bytes)) / 1e6).toFixed(1)}\u00a0MB`;
  let [moved, asked, trouble] = [false, false, ""]; // anything, by the reader; the teacher, or why that could not be had
  let view = {};
  const live = kd.live({
    stored: students.map(({ stored }) => stored), weights, read: () => ({}), last: ({ length }) => length, pace: 5, begin,
    key: ({ prompt, temperature, seed }) => JSON.stringify([prompt, temperature, seed, present().length]), words,
    shown: (run, all) => all || view.later(), idle: () => moved || students.every(here), doing: "Writing: character",
  });
  const field = kd.field({
    name: "prompt", label: "Prompt", characters, most,
    judged: (problem) => (live.problem = problem), changes: (prompt) => ({ prompt, steps: 0 }),
  });
  const present = () => (asked && here(teacher) ? models : students);
  const texts = () => live.run?.texts ?? students.map(() => ({ written: "" }));

  // ---- writing ----

  // A model that has read a prompt, and what it says behind it. What it had read of the last prompt is not read again.
  function opened({ name, stored }, tokens) {
    const last = live.set[name] ?? { tokens: [], model: kd.endless(kd.decoder(kd.tensors(kd.stored[stored]), heads)) };
    const other = tokens.findIndex((token, i) => token !== last.tokens[i] || i === tokens.length - 1);
    const model = last.model.upTo(other);
    return (live.set[name] = { tokens, model, logits: tokens.slice(other).map(model.read).at(-1) });
  }
  // All models read each text, which gets a character that is drawn from what its own model says.
  function begin({ prompt, temperature, seed }) {
    const tokens = Array.from(prompt, (sign) => characters.indexOf(sign));
    const all = present().map((model) => opened(model, tokens));
    trouble = "";
    const texts = all.map(() => ({
      written: "", random: kd.seeded(seed),
      readers: all.map(({ model }) => model.upTo(tokens.length)), logits: all.map(({ logits }) => logits),
    }));
    const advance = () => texts.forEach((text, own) => {
      const token = kd.drawn(text.logits[own], temperature, text.random);
      text.written += characters[token];
      text.logits = text.readers.map((model) => model.read(token));
    });
    return { texts, advance };
  }

  // ---- pictures and words ----

  function page({ written }, { name }, { prompt, length }) {
    const lines = Math.ceil(length / 22) + prompt.split("\n").length; // enough for most texts, so that nothing moves
    const text = `<span>${kd.escape(prompt)}</span>${kd.escape(written)}`;
    return `<div role="group" aria-label="${name}">${kd.legend([[kd.kinds[name], name]])}
      <p class="${kd.kinds[name]}" style="--lines:${lines}">${text}</p></div>`;
  }
  // Six rows, the likeliest at T = 1 whatever T is, so that they stay while T moves.
  function bars({ behind, temperature }) {
    const { logits } = texts()[students.findIndex(({ name }) => name === behind)];
    const none = students.map(() => Array.from(characters, () => 0));
    const [plain, soft] = [1, temperature].map((t) => logits?.map((z) => kd.softened(z, t)) ?? none);
    const all = none[0].map((_, k) => kd.sum(plain.map((shares) => shares[k])));
    const top = kd.range(all.length).sort((a, b) => all[b] - all[a]).slice(0, 6);
    const groups = soft.map((shares, m) => ({ name: models[m].name, shares: top.map((k) => shares[k]) }));
    const title = `Next character after ${live.run?.step ? `the text of ${behind}` : "the prompt"}`;
    const labels = top.map((k) => (logits ? kd.named(characters[k]) : "–"));
    const look = { letters: 8, room: 140, marks: kd.shares, write: logits ? kd.percent : () => "–" };
    return kd.barsWithLegend({ title, labels, groups, ...look });
  }
  function words({ temperature: t, seed }) {
    if (trouble) return trouble;
    if (!live.run) return `${moved ? "Loading" : "Press Write. It loads"} both students, once: ${size(students)}.`;
    if (asked && !here(teacher)) return `Loading the teacher, once: ${size([teacher])}.`;
    if (!live.run.step) return "Press Write: each goes on from the prompt, all with the same random numbers.";
    return `${kd.plural(live.run.step, "character")} each at temperature ${kd.short(t)}, seed ${seed}.`;
  }
  function draw(setting) {
    field.follow(setting.prompt);
    live.follow(setting);
    const said = kd.escape(live.told(setting));
    const pages = texts().map((text, m) => page(text, models[m], setting));
    moved = true; // whatever is drawn from now on
    return {
      pictures: { texts: pages.join(""), bars: bars(setting) }, said,
      values: { length: `${setting.length} characters` },
    };
  }

  function press(wish) {
    [asked, trouble] = [wish, ""];
    const failed = ({ message }) => ([asked, trouble] = [false, `${message}. Ask again with a network.`]);
    if (asked) kd.fetched(teacher.stored).catch(failed).then(view.tell);
    view.tell();
    return {};
  }
  const offer = () => `Ask the teacher, too${here(teacher) ? "" : `: ${size([teacher])}`}`;
  const ask = { words: () => (asked ? "Without the teacher" : offer()), press: () => press(!asked) };
  const reset = { words: () => "Reset", press: () => (field.fill(start.prompt), { ...press(false), ...start }) };
  return {
    layout: [["prompt", "temperature", "length", "buttons", "said"], ["texts"], ["behind", "bars"]],
    tracks: {
      length: kd.track({ left: 126, label: "length", low: lengths[0], high: lengths[1], step: 10,
        marks: kd.marks([20, 100, 200, 300, 400]), head: ({ length }) => `${length} characters` }),
      temperature: kd.track({ left: 126, label: "temperature", low: 0, high: hottest, step: 0.05, key: 0.1,
        marks: kd.marks([0, 0.5, 1, 1.5, 2]), value: kd.f,
        head: ({ temperature }) => `temperature ${kd.short(temperature)}` }),
    },
    choices: [{ name: "behind", legend: "Next character after the text of", options: kd.options(["alone", "distilled"]) }],
    buttons: live.buttons(reset, seeds, weights && !here(teacher) ? [] : [ask], ["Write", "One character", "New draw"]),
    attach: (given) => [live, field].forEach((part) => part.attach((view = given))),
    draw,
  };
};
