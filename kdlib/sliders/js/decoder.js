// A decoder that writes in the page, token after token, as kdlib/models/transformer.py has it. What it has read is kept
// as keys and values, so that a token costs one pass.
// needs net.js

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
// `context`, and `forget` lets it start again.
kd.decoder = (tensors, heads) => {
  const [context, width] = tensors["positions.weight"].shape;
  const layers = Object.keys(tensors).filter((name) => name.endsWith("fc1.weight")).length;
  const [of, size] = [(name) => tensors[name].values, width / heads];
  const linear = (x, name) => kd.linear({ values: x }, tensors[`${name}.weight`], tensors[`${name}.bias`]).values;
  const normed = (x, name) => kd.normed(x, of(`${name}.weight`), of(`${name}.bias`));
  const added = (x, y) => x.map((v, i) => v + y[i]);
  const row = (name, i) => of(name).subarray(i * width, (i + 1) * width);
  const model = { context, length: 0 };
  let held = []; // by block: keys and values of what was read
  model.forget = () => {
    held = kd.range(layers).map(() => ({ keys: [], values: [] }));
    model.length = 0;
  };
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
  model.forget();
  return model;
};

// Goes on from what `tokens` hold; where the context is full, from their last half, which is read again, as `write` does.
kd.following = (model, tokens) => {
  if (model.length === model.context) {
    model.forget();
    for (const token of tokens.slice(-(model.context / 2 + 1), -1)) model.read(token);
  }
  return model.read(tokens.at(-1));
};

// A token drawn by the shares at a temperature; at 0 the likeliest.
kd.drawn = (logits, t, random) => {
  if (!t) return logits.indexOf(Math.max(...logits));
  let left = random();
  const shares = kd.softmax(logits, t);
  const found = shares.findIndex((share) => (left -= share) < 0);
  return found < 0 ? shares.indexOf(Math.max(...shares)) : found;
};
