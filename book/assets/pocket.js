// The book in a pocket, as the reader meets it; sw.js does the work. Nothing happens where a page is opened from
// a file, which needs no network anyway, nor in a preview on this machine, which must show what was built last.

(() => {
  const preview = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname); // try it at book.localhost
  if (!location.protocol.startsWith("http") || preview || !navigator.serviceWorker) return;
  const workers = navigator.serviceWorker;
  const root = new URL(document.documentElement.dataset.content_root ?? "./", location.href);

  async function ask(wanted, hear) {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = ({ data }) => hear(data);
    (await workers.ready).active.postMessage(wanted, [port2]);
  }

  const line = Object.assign(document.createElement("p"), { className: "kd-pocket", tabIndex: -1 });
  const button = Object.assign(document.createElement("button"), { type: "button" });
  const bar = Object.assign(document.createElement("progress"), { ariaLabel: "Fetching the book" });
  const said = Object.assign(document.createElement("span"), { role: "status" });

  function offer({ missing, size }) {
    if (missing === undefined) return;
    button.textContent = `Keep the whole book on this device, ${Math.ceil(size / 1e6)} MB`;
    said.textContent = missing ? "" : "The whole book is on this device.";
    line.replaceChildren(...(missing ? [button] : []), said);
    if (!line.isConnected) document.querySelector(".bd-footer-content__inner")?.append(line);
  }

  button.addEventListener("click", () => {
    navigator.storage?.persist?.();
    line.replaceChildren(bar, said);
    line.focus();
    said.textContent = "Fetching the book.";
    let silence;
    const again = (words) => (line.replaceChildren(button, said), (said.textContent = `${words} Try again.`));
    ask("whole", ({ done, of, missing, size }) => {
      clearTimeout(silence); // a browser may end the worker, which then cannot say so
      if (missing === undefined) {
        silence = setTimeout(again, 60_000, "It stopped before the end.");
        return Object.assign(bar, { max: of, value: done });
      }
      offer({ missing, size });
      if (missing) again(`${missing} ${missing > 1 ? "files" : "file"} could not be fetched.`);
    });
  });

  // What this page has loaded by now was partly loaded before the worker came.
  function keepThisPage() {
    const icon = document.querySelector('link[rel~="icon"]')?.href ?? ""; // which browsers fetch on their own
    ask([location.href, icon, ...performance.getEntriesByType("resource").map((entry) => entry.name)], offer);
  }

  // A new build: who has just opened the page sees it anew; who is reading, if only with a screen reader, is not
  // disturbed, and the next page is new.
  const old = Boolean(workers.controller);
  let inUse = false;
  for (const act of ["pointerdown", "keydown", "wheel"]) addEventListener(act, () => { inUse = true; }, { once: true });
  workers.addEventListener("controllerchange", () => {
    if (inUse || performance.now() > 10_000) keepThisPage();
    else if (old) location.reload();
  });
  addEventListener("load", () => {
    workers.register(new URL("sw.js", root)).then(keepThisPage, () => {}); // a browser may refuse
  });
})();
