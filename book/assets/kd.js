// Loaded on every page, before the other scripts. Three things that styles cannot do, and a node made in a line.

function kdMake(tag, attributes, ...inside) {
  const node = Object.assign(document.createElement(tag), attributes);
  node.append(...inside);
  return node;
}

// A page opened from a file may not fetch others: search then shows titles without summaries, and no error.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// A table or a formula wider than the screen scrolls inside itself: let the keyboard reach it.
function reachScrolling() {
  for (const box of document.querySelectorAll(".pst-scrollable-table-container, div.math, pre")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
}
addEventListener("load", () => document.fonts.ready.then(reachScrolling));
addEventListener("resize", reachScrolling);
addEventListener("toggle", reachScrolling, true); // what was folded had no width
addEventListener("click", () => setTimeout(reachScrolling));

// Paper is white: print in light colours, then go back.
let shownTheme;
addEventListener("beforeprint", () => {
  shownTheme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
addEventListener("afterprint", () => {
  document.documentElement.dataset.theme = shownTheme;
});
