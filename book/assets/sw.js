// The book in a pocket: what was opened once is read from this device, network or not. kd_pocket.py writes the
// first lines when the site is built: FILES, the checksum of every file that pages show, and SIZE in bytes.
// A new build is a new FILES, hence a new worker, which fetches what changed of what the reader has.

const ROOT = self.registration.scope; // the site may share its host with others
const WHOLE = `${ROOT}?whole`; // lies in the cache once the reader has asked for the whole book
const keyOf = (path) => `${ROOT}${encodeURI(path)}?${FILES.get(path)}`;
const box = () => caches.open(`book ${ROOT}`);

function pathOf(url) {
  const [address] = url.split(/[?#]/);
  const path = address.startsWith(ROOT) ? decodeURI(address.slice(ROOT.length)) : undefined;
  return FILES.has(path) ? path : path === "" ? "index.html" : undefined;
}

async function checksum(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).slice(0, 8);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// From the device, or else from the network and onto it, if it is of this build and no hotel's login page.
async function get(path) {
  const kept = await box().then((kept) => kept.match(keyOf(path))).catch(() => {}); // the store may be damaged
  if (kept) return kept;
  const response = await fetch(ROOT + encodeURI(path), { cache: "no-cache" });
  if (!response.ok) return response;
  const bytes = await response.arrayBuffer();
  const headers = { "Content-Type": response.headers.get("Content-Type") };
  if ((await checksum(bytes)) === FILES.get(path)) {
    const put = box().then((kept) => kept.put(keyOf(path), new Response(bytes, { headers })));
    await put.catch(() => {}); // the device may be full
  }
  return new Response(bytes, { headers });
}

// The files of this build that a page names: pictures, styles, scripts.
async function parts(page) {
  const named = (await (await get(page)).text()).matchAll(/\s(?:src|href)="([^"]+)"/g);
  const paths = Array.from(named, ([, url]) => pathOf(new URL(url, ROOT + encodeURI(page)).href));
  return paths.filter((path) => path && !path.endsWith(".html"));
}

async function missingOf(paths) {
  const here = new Set((await (await box()).keys()).map((request) => request.url));
  return Array.from(paths, keyOf).filter((key) => !here.has(key));
}

async function install() {
  const had = (await (await box()).keys()).map((request) => request.url);
  const paths = new Set(had.includes(WHOLE) ? FILES.keys() : had.map(pathOf).filter(Boolean));
  const pages = [...paths].filter((path) => path.endsWith(".html"));
  for (const path of (await Promise.all(pages.map(parts))).flat()) paths.add(path);
  await Promise.all(Array.from(paths, get));
  const missing = await missingOf(paths); // without a network, or with one that gives something else
  if (missing.length) throw new Error(`the old build stays: ${missing.length} files of the new one are missing`);
  await self.skipWaiting();
}

async function activate() {
  const current = new Set([WHOLE, ...Array.from(FILES.keys(), keyOf)]);
  const old = (await (await box()).keys()).filter((request) => !current.has(request.url));
  for (const request of old) await (await box()).delete(request);
  await self.clients.claim();
}

// A page says what it has loaded, or "whole"; it hears how far that is, and at the end how much is missing.
async function fetchWanted(wanted, port) {
  if (wanted === "whole") await (await box()).put(WHOLE, new Response("")).catch(() => {});
  const paths = wanted === "whole" ? [...FILES.keys()] : wanted.map(pathOf).filter(Boolean);
  let done = 0;
  const tell = () => port.postMessage({ done: ++done, of: paths.length });
  await Promise.allSettled(paths.map((path) => get(path).then(tell)));
  port.postMessage({ missing: (await missingOf(FILES.keys())).length, size: SIZE });
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => event.waitUntil(fetchWanted(event.data, event.ports[0])));
self.addEventListener("fetch", (event) => {
  const path = event.request.method === "GET" ? pathOf(event.request.url) : undefined;
  if (path) event.respondWith(get(path));
});
