// Predict cards: the options become buttons, a number gets a field, and an answer opens what was measured.

(() => {
  function reveal(card, words) {
    // Its role is "status": it is read aloud.
    card.querySelector(".kd-verdict").textContent = words;
    card.querySelector(".kd-reveal").open = true;
  }

  function choices(card) {
    const items = [...card.querySelectorAll(":scope > ul > li")];
    const buttons = items.map((item) => {
      const button = kdMake("button", { type: "button" }, ...(item.querySelector("p") ?? item).childNodes);
      item.replaceChildren(button);
      button.addEventListener("click", () => {
        for (const [i, other] of buttons.entries()) {
          other.setAttribute("aria-pressed", other === button);
          items[i].classList.toggle("kd-chosen", other === button);
        }
        card.classList.add("kd-answered");
        reveal(card, item.classList.contains("kd-right") ? "Right." : "Not quite.");
      });
      button.setAttribute("aria-pressed", false);
      return button;
    });
  }

  function number(card) {
    const told = card.querySelector(".kd-reveal").textContent.replace("\u2212", "-");
    const right = Number(told.match(/[-+]?\d[\d,]*(\.\d+)?/)[0].replace(/,/g, ""));
    const unit = card.dataset.number;
    const field = kdMake("input", { type: "number", step: "any", required: true, autocomplete: "off" });
    field.setAttribute("aria-label", `Your guess, ${unit}`);
    const form = kdMake("form", {}, field, ` ${unit} `, kdMake("button", { type: "submit" }, "Check"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const off = Math.abs(Number(field.value) - right);
      reveal(card, off <= Number(card.dataset.within ?? 0) ? `${field.value}: near.` : `You said ${field.value}.`);
    });
    card.querySelector(".kd-reveal").before(form);
  }

  for (const shown of document.querySelectorAll(".kd-predict > .kd-reveal")) {
    const card = shown.parentElement;
    shown.before(kdMake("p", { className: "kd-verdict", role: "status" }));
    shown.tabIndex = -1; // who opens it by keyboard goes on from here: its summary is no longer shown
    shown.querySelector("summary").addEventListener("click", () => setTimeout(() => shown.focus()));
    card.classList.add("kd-card");
    "number" in card.dataset ? number(card) : choices(card);
  }
})();
