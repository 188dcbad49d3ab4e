// Settings in the page's address, so that a link hands them out: page.html?temperature=4&alpha=0.9. `linked` names them,
// each with the values that it may take: a list, or numbers from low to high.

// What the address says. What is missing or no such value is left out; a number out of range is moved into it.
kd.fromAddress = (linked, query = location.search) => {
  const given = new URLSearchParams(query);
  const read = ([name, values]) => {
    const text = given.get(name)?.trim() ?? "";
    const { low, high, whole } = values;
    if (low === undefined) return values.filter((value) => String(value) === text).slice(0, 1).map((value) => [name, value]);
    const x = text === "" ? NaN : Number(text);
    return Number.isFinite(x) ? [[name, kd.clamp(whole ? Math.round(x) : x, low, high)]] : [];
  };
  return Object.fromEntries(Object.entries(linked).flatMap(read));
};

// The address with these settings; other queries and the anchor stay.
kd.toAddress = (linked, setting) => {
  const url = new URL(location.href);
  for (const name of Object.keys(linked)) url.searchParams.set(name, setting[name]);
  return url.href;
};

// Keeps the address at what the model says, without a step in the history; once things rest, for browsers count.
kd.addressed = (linked, model) => {
  let timer;
  const write = () => {
    const setting = Object.fromEntries(Object.keys(linked).map((name) => [name, model.get(name)]));
    try {
      history.replaceState(history.state, "", kd.toAddress(linked, setting));
    } catch {} // a frame that may not: the slider moves all the same
  };
  const later = () => {
    clearTimeout(timer);
    timer = setTimeout(write, 200);
  };
  for (const name of Object.keys(linked)) model.on(`change:${name}`, later);
};
