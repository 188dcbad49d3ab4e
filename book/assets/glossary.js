// Words of the glossary: their meaning in a small box, on hover, on keyboard focus and on tap.
// The words are links to the glossary, and the meanings stand hidden in the page (kd_glossary.py).

(() => {
  const words = document.querySelectorAll("a.kd-word");
  if (!words.length) return;
  // Pixels to the edges of the screen.
  const MARGIN = 12;
  const box = document.createElement("div");
  box.className = "kd-meaning";
  box.setAttribute("role", "tooltip");
  box.hidden = true;
  document.querySelector("article").append(box);
  let shown = null, waiting;
  // Opened by the keyboard, and so closed with the focus.
  let focused = false;

  function close() {
    clearTimeout(waiting);
    box.hidden = true;
    shown = null;
    focused = false;
  }

  function open(word) {
    clearTimeout(waiting);
    if (shown === word) return;
    shown = word;
    const meaning = document.getElementById(word.getAttribute("aria-describedby"));
    box.replaceChildren(...meaning.cloneNode(true).childNodes);
    box.hidden = false;
    place();
  }

  // Below the word, or above where there is no room; the box scrolls with the text.
  function place() {
    // A word may go on in the next line.
    const lines = [...shown.getClientRects()], line = lines[0], last = lines.at(-1);
    const screen = document.documentElement.clientWidth;
    const left = Math.max(MARGIN, Math.min(line.left, screen - MARGIN - box.offsetWidth));
    const below = last.bottom + 6 + box.offsetHeight < innerHeight || line.top < box.offsetHeight + 80;
    const top = below ? last.bottom + 6 : line.top - 6 - box.offsetHeight;
    const from = box.offsetParent.getBoundingClientRect();
    box.style.left = `${left - from.left}px`;
    box.style.top = `${top - from.top}px`;
  }

  function soon(act, delay) {
    clearTimeout(waiting);
    waiting = setTimeout(act, delay);
  }

  for (const word of words) {
    let touched = false;
    word.addEventListener("pointerdown", (event) => (touched = event.pointerType !== "mouse"));
    word.addEventListener("click", (event) => {
      // With a mouse or a keyboard it is a link.
      if (!touched) return;
      event.preventDefault();
      shown === word ? close() : open(word);
    });
    word.addEventListener("keydown", () => (touched = false));
    word.addEventListener("focus", () => {
      if (!word.matches(":focus-visible")) return;
      open(word);
      focused = true;
    });
    word.addEventListener("blur", () => focused && close());
    word.addEventListener("pointerenter", (event) => {
      if (event.pointerType === "mouse") shown === word ? clearTimeout(waiting) : soon(() => open(word), 120);
    });
    word.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && soon(close, 250));
  }
  // The mouse may enter the box, to read or to copy.
  box.addEventListener("pointerenter", () => clearTimeout(waiting));
  box.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && soon(close, 250));
  addEventListener("keydown", (event) => event.key === "Escape" && close());
  addEventListener("pointerdown", ({ target }) => {
    if (shown && !shown.contains(target) && !box.contains(target)) close();
  });
  addEventListener("resize", () => shown && place());
})();
