// Loaded on every page. Three things that styles cannot do.

// A page opened from a file may not fetch others: search then shows titles without summaries, and no error.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}

// A table or a formula wider than the screen scrolls inside itself: let the keyboard reach it.
function reachScrolling() {
  for (const box of document.querySelectorAll(".pst-scrollable-table-container, div.math, pre")) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
}
addEventListener("load", () => document.fonts.ready.then(reachScrolling));
addEventListener("resize", reachScrolling);

// Paper is white: print in light colours, then go back.
let shownTheme;
addEventListener("beforeprint", () => {
  shownTheme = document.documentElement.dataset.theme;
  document.documentElement.dataset.theme = "light";
});
addEventListener("afterprint", () => {
  document.documentElement.dataset.theme = shownTheme;
});
