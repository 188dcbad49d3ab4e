// What a reader does with the sliders of a page, and what these say after each act, in words. What goes on by itself
// (training, writing) is left out: how far it gets depends on the machine.
const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const said = [];
for (const slider of document.querySelectorAll("[data-slider]")) {
  const tell = (act) => said.push(`${slider.dataset.slider}, ${act}: ${slider.textContent.replace(/\s+/g, " ")}`);
  tell("opened");
  for (const rail of slider.querySelectorAll("input[type=range]")) {
    for (const share of [0.25, 0.9, 0.5]) {
      rail.value = +rail.min + (rail.max - rail.min) * share;
      for (const name of ["input", "change"]) rail.dispatchEvent(new Event(name, { bubbles: true }));
      await wait(150);
      tell(`rail at ${share}`);
    }
  }
  for (const button of slider.querySelectorAll("button")) {
    const name = button.textContent.trim();
    if (/train|write|new|teacher|copy/i.test(name)) continue;
    button.click();
    await wait(400);
    tell(name);
  }
}
for (const card of document.querySelectorAll(".kd-predict")) {
  const button = card.querySelector("button");
  const field = card.querySelector("input");
  if (field) field.value = 1;
  button.click();
  const reveal = card.querySelector(".kd-reveal");
  said.push(`predict: ${card.querySelector(".kd-verdict").textContent} ${reveal.open}, ${reveal.clientHeight > 30}`);
}
return said;
