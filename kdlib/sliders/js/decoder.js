// A decoder that writes in the page, token after token, as kdlib/models/transformer.py has it. What it has read is kept
// as keys and values, so that a token costs one pass.
// needs net.js
// needs train.js

// The error function to 1e-7 (Abramowitz and Stegun 1964, 7.1.26), for GELU.
kd.erf = (x) => {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
};
kd.gelu = (x) => 0.5 * x * (1 + kd.erf(x * Math.SQRT1_2));

kd.normed = (x, weight, bias) => {
  const mean = kd.sum(x) / x.length;
  const spread = Math.sqrt(x.reduce((total, v) => total + (v - mean) ** 2, 0) / x.length + 1e-5);
  return x.map((v, i) => ((v - mean) / spread) * weight[i] + bias[i]);
};

// What one head makes of its query: a mixture of the values at all places, by how well the keys fit.
kd.attend = (query, keys, values, from, size) => {
  const fits = keys.map((key) => {
    let total = 0;
    for (let i = from; i < from + size; i++) total += query[i] * key[i];
    return total / Math.sqrt(size);
  });
  const out = new Float32Array(size);
  for (const [place, share] of kd.softmax(fits, 1).entries()) {
    for (let i = 0; i < size; i++) out[i] += share * values[place][from + i];
  }
  return out;
};

// A decoder with its weights. `read(token)` gives the logits of the next one; `length` is how many it has read, at most
// `context`; `upTo(length)` is one that has read so many of them and not the others.
kd.decoder = (tensors, heads, held) => {
  const [context, width] = tensors["positions.weight"].shape;
  const layers = Object.keys(tensors).filter((name) => name.endsWith("fc1.weight")).length;
  held ??= kd.range(layers).map(() => ({ keys: [], values: [] })); // by block, of what was read
  const [of, size] = [(name) => tensors[name].values, width / heads];
  const linear = (x, name) => kd.linear({ values: x }, tensors[`${name}.weight`], tensors[`${name}.bias`]).values;
  const normed = (x, name) => kd.normed(x, of(`${name}.weight`), of(`${name}.bias`));
  const added = (x, y) => x.map((v, i) => v + y[i]);
  const row = (name, i) => of(name).subarray(i * width, (i + 1) * width);
  const model = { context, length: held[0].keys.length };
  model.upTo = (length) => kd.decoder(tensors, heads, held.map(({ keys, values }) =>
    ({ keys: keys.slice(0, length), values: values.slice(0, length) })));
  model.read = (token) => {
    let x = added(row("tokens.weight", token), row("positions.weight", model.length));
    for (const [b, { keys, values }] of held.entries()) {
      const seen = linear(normed(x, `blocks.${b}.norm1`), `blocks.${b}.attention.read`);
      keys.push(seen.slice(width, 2 * width));
      values.push(seen.slice(2 * width));
      const mixed = new Float32Array(width);
      for (let h = 0; h < heads; h++) mixed.set(kd.attend(seen, keys, values, h * size, size), h * size);
      x = added(x, linear(mixed, `blocks.${b}.attention.write`));
      const wide = linear(normed(x, `blocks.${b}.norm2`), `blocks.${b}.fc1`).map(kd.gelu);
      x = added(x, linear(wide, `blocks.${b}.fc2`));
    }
    model.length += 1;
    return [...linear(normed(x, "norm"), "head")];
  };
  return model;
};

// A decoder without an end: where its context is full it goes on from the last half, as `write` does. A second one reads
// that half as it comes, so that no token takes longer than the others.
kd.endless = (now, next = now.upTo(0)) => ({
  read(token) {
    if (now.length === now.context) [now, next] = [next, next.upTo(0)];
    if (now.length >= now.context / 2) next.read(token);
    return now.read(token);
  },
  // Only while nothing was left behind.
  upTo: (length) => kd.endless(now.upTo(length), next.upTo(Math.max(0, length - now.context / 2))),
});

// Shares at a temperature; at 0 the likeliest has all.
kd.softened = (logits, t) => (t ? kd.softmax(logits, t) : kd.oneHot(kd.likeliest(logits), logits.length));

// A token drawn by them.
kd.drawn = (logits, t, random) => {
  let left = t && random();
  const shares = kd.softened(logits, t);
  const found = shares.findIndex((share) => (left -= share) < 0);
  return found < 0 ? kd.likeliest(shares) : found;
};
