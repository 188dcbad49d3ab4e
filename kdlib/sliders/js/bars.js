// Shares as bars, a row a class, with words for screen readers.

// Bars, a row a class and in it one for each group: { name, shares, kind }, where a model needs no kind.
// `bold` is a class, ticked if `ticked`; `ghost` are shares that are outlined, as the `note` says; `figures`
// writes the shares on the right, below the title and the names of the groups. `marks` are [place, words] of
// a scale, above or, with figures, below the bars; `place` is where a share's bar ends, from 0 to 1, and
// `write` its figure; `letters` have room in a label, where labels change.
kd.bars = (options) => {
  const { title, labels, bold, ticked, ghost, note, figures, marks, room } = options;
  const { place = (share) => share, write = kd.percent, letters = 0 } = options;
  const groups = options.groups.map((group) => ({ kind: kd.kinds[group.name], ...group }));
  const shorts = labels.map((label) => kd.cut(label, 12));
  const longest = Math.max(letters, ...shorts.map(({ length }) => length));
  const left = (ticked ? 24 : 14) + Math.max(8, 7.4 * longest); // most fonts, in bold
  // Of figures: neither "<0.01 %" nor a name touches what is beside it.
  const column = groups.length > 1 ? Math.max(67, ...groups.map(({ name }) => 18 + 7.2 * name.length)) : 60;
  const full = 320 - left - (figures ? 4 + column * groups.length : 14);
  const thick = kd.clamp(Math.floor((room / labels.length - 4) / groups.length), 4, groups.length > 1 ? 12 : 30);
  const row = (thick + 1) * groups.length - 1;
  const pitch = Math.max(16, row + 5);
  const floor = 22 + pitch * labels.length;
  const end = (g) => 320 - column * (groups.length - 1 - g);
  const head = [figures ? kd.text(0, 14, title, "kd-head") : "", note ? kd.text(320, 14, note, "kd-end") : ""];
  for (const [g, { name, kind }] of figures && groups.length > 1 ? groups.entries() : []) {
    const words = `<tspan dx="3">${kd.escape(name)}</tspan>`;
    head.push(`<text x="${end(g)}" y="14" class="kd-end">${kd.mark(kind)}${words}</text>`);
  }
  for (const [at, words] of marks ?? []) {
    const x = left + full * at;
    const last = !figures && at === 1;
    head.push(kd.line(`M${kd.f(x)},20V${floor}`, "kd-grid"));
    head.push(kd.text(last ? 320 : x, figures ? floor + 13 : 14, words, last ? "kd-end" : "kd-middle"));
  }
  const rows = shorts.map((label, i) => {
    const top = 24 + pitch * i;
    const base = top + row / 2 + 4.5;
    return [
      kd.text(left - 8, base, label, i === bold ? "kd-end kd-head" : "kd-end"),
      ticked && i === bold ? kd.line(`M1,${kd.f(base - 4)}l4,4l6,-9`, "kd-tick") : "",
      kd.box(left, top, full, row, "kd-room"),
      ...groups.map(({ kind, shares }, g) => kd.box(left, top + (thick + 1) * g, full * place(shares[i]), thick, kind)),
      ghost ? kd.box(left, top, full * place(ghost[i]), row, "kd-ghost") : "",
      ...groups.map(({ shares }, g) => (figures ? kd.text(end(g), base, write(shares[i]), "kd-end") : "")),
    ].join("");
  });
  const said = labels.map((label, i) => {
    return `${label}: ${groups.map(({ name, shares }) => `${name} ${write(shares[i])}`.trim()).join(", ")}`;
  });
  const height = floor + (marks && figures ? 16 : 2);
  return kd.picture(height, `${title}. ${said.join("; ")}`, head, rows);
};
kd.barsWithLegend = (options) =>
  kd.legend(options.groups.map(({ name, kind = kd.kinds[name] }) => [kind, name])) + kd.bars(options);
kd.shares = [[0, "0"], [0.25, ""], [0.5, "50\u00a0%"], [0.75, ""], [1, "100\u00a0%"]]; // marks of a linear scale
