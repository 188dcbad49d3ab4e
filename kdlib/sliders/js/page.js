// Starts every stored slider of a page that has no kernel. Loaded after the kit and the sliders, once a page.

// What a model of Jupyter's gives a slider, without a kernel behind it.
kd.model = (state) => {
  const heard = {};
  return {
    get: (name) => state[name],
    set(name, value) {
      state[name] = value;
      heard[`change:${name}`]?.forEach((act) => act());
    },
    on: (event, act) => (heard[event] ??= []).push(act),
    save_changes() {},
  };
};

for (const el of document.querySelectorAll("[data-slider]:not(.kd-live)")) {
  try {
    const { data, setting } = JSON.parse(el.querySelector("script").textContent);
    const images = [...el.querySelectorAll("img")].map((image) => image.src); // they stand in the table alone
    // The first of a kind shares its settings with the address.
    const shared = data.linked && el === document.querySelector(`[data-slider="${el.dataset.slider}"]`);
    const model = kd.model({ ...setting, ...(shared ? kd.fromAddress(data.linked) : {}), data: { ...data, images, shared } });
    if (shared) kd.addressed(data.linked, model);
    kd.show(el.dataset.slider, { model, el });
  } catch (error) {
    console.error(error); // its table stays, and the page's other sliders move
  }
}
