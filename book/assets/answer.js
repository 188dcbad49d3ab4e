// Exercises that are answered on the page: a choice, a number or an order, and what is said to each answer.

(() => {
  // "1,000", "0,25", "-3" with a typographic minus, "3/13"; NaN where it is no number.
  function parse(text) {
    const signed = text.trim().replace(/[\u2212\u2013]/g, "-");
    const thousands = /^-?[1-9]\d{0,2}(,\d{3})+(?!\d)/.test(signed);
    const plain = thousands ? signed.replaceAll(",", "") : signed.replace(",", ".");
    const [above, below = "1", more] = plain.split("/");
    return above.trim() && below.trim() && more === undefined ? Number(above) / Number(below) : NaN;
  }

  function prepare(card) {
    const list = card.querySelector(":scope > ul");
    const cases = Array.from(list.children, (item) => {
      const box = item.querySelector(".kd-said");
      box.querySelector("summary").remove();
      const words = [...box.childNodes];
      box.remove();
      return { item, right: item.classList.contains("kd-right"), text: item.textContent.trim(), words };
    });
    const verdict = kdMake("div", { className: "kd-verdict" });
    verdict.setAttribute("role", "status"); // it is read aloud
    card.setAttribute("role", "group");
    card.setAttribute("aria-label", "Your answer");
    const say = (right, words) => {
      const mark = kdMake("strong", {}, right ? "✓ Right. " : "✗ Not yet. ");
      verdict.replaceChildren(mark, ...words.map((node) => node.cloneNode?.(true) ?? node));
      verdict.classList.toggle("kd-yes", right);
    };
    return { list, cases, verdict, say };
  }

  function choice(card) {
    const { cases, verdict, say } = prepare(card);
    card.append(verdict);
    const buttons = cases.map(({ item, right, words }) => {
      const button = kdMake("button", { type: "button" }, ...(item.querySelector("p") ?? item).childNodes);
      button.setAttribute("aria-pressed", false);
      item.replaceChildren(button);
      item.classList.remove("kd-right"); // as the others look until it is chosen
      button.addEventListener("click", () => {
        for (const other of buttons) other.setAttribute("aria-pressed", other === button);
        item.classList.add(right ? "kd-right" : "kd-wrong");
        say(right, words);
      });
      return button;
    });
  }

  function number(card) {
    const { list, cases, verdict, say } = prepare(card);
    const { number: unit, within = "0" } = card.dataset;
    const field = kdMake("input", { type: "text", required: true, autocomplete: "off" });
    field.setAttribute("aria-label", `Your answer, ${unit}`);
    const form = kdMake("form", {}, field, ` ${unit} `, kdMake("button", { type: "submit" }, "Check"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const value = parse(field.value);
      if (!Number.isFinite(value)) return say(false, [`Write a number, such as 12, 0.25 or 3/4.`]);
      const near = ({ text }) => Math.abs(parse(text) - value) <= Number(within) + 1e-9;
      const other = cases.at(-1).right ? undefined : cases.at(-1);
      const found = cases.find(near) ?? (Number.isFinite(parse(other?.text ?? "0")) ? undefined : other);
      say(Boolean(found?.right), found?.words ?? []);
    });
    list.replaceWith(form, verdict);
  }

  function order(card) {
    const { list, cases, verdict, say } = prepare(card);
    const things = card.querySelector(":scope > ol");
    const places = card.dataset.places.split(",").map(Number);
    const move = (item, by) => {
      const goal = by < 0 ? item.previousElementSibling : item.nextElementSibling;
      if (!goal) return;
      by < 0 ? goal.before(item) : goal.after(item);
      const at = [...things.children].indexOf(item) + 1;
      verdict.replaceChildren(`Now at place ${at} of ${things.children.length}.`);
      verdict.classList.remove("kd-yes");
    };
    for (const [i, item] of [...things.children].entries()) {
      item.dataset.place = places[i];
      const name = item.textContent.trim();
      const buttons = [["↑", -1, "up"], ["↓", 1, "down"]].map(([sign, by, way]) => {
        const button = kdMake("button", { type: "button" }, sign);
        button.setAttribute("aria-label", `Move ${way}: ${name}`);
        button.addEventListener("click", () => {
          move(item, by);
          button.focus();
        });
        return button;
      });
      item.replaceChildren(kdMake("div", {}, ...item.childNodes), kdMake("span", { className: "kd-moves" }, ...buttons));
    }
    const check = kdMake("button", { type: "button" }, "Check");
    check.addEventListener("click", () => {
      const now = Array.from(things.children, (item) => Number(item.dataset.place));
      const before = ({ text }) => {
        const [first, second] = text.match(/\d+/g)?.map(Number) ?? [];
        return second && now.indexOf(first) < now.indexOf(second);
      };
      const right = now.every((place, i) => place === i + 1);
      say(right, (right ? cases.find((one) => one.right) : cases.find(before))?.words ?? []);
    });
    list.replaceWith(check, verdict);
  }

  for (const card of document.querySelectorAll(".kd-answer")) {
    card.classList.add("kd-card");
    ({ choice, number, order })[card.dataset.kind](card);
  }
})();
