// Reads `status` every few seconds, and the page again if the status has changed. One module with duration.ts and update.js.

const EVERY_MS = 5000;
const byId = (id) => document.getElementById(id);
const [words, only, refreshing, gone] = ["words", "only", "refresh", "gone"].map(byId);
const main = document.querySelector("main");
const icon = document.querySelector("link[rel=icon]");

/** The status that the page shows, without what always changes; empty: read the page again. */
let shown = "";
let statusAt = main.dataset.at;
let readMs = performance.now();
let timer = setTimeout(refresh, EVERY_MS);
let isBusy = false;

async function refresh() {
  clearTimeout(timer);
  if (isBusy || document.hidden || !refreshing.checked) return;
  isBusy = true;
  try {
    const status = await get("status", "json");
    const now = withoutDurations(status);
    if (now !== shown) show(new DOMParser().parseFromString(await get(".", "text"), "text/html"));
    // An answer may be a moment older than the one before.
    shown = main.dataset.at >= status.at || now === shown ? now : "";
    statusAt = status.at;
    readMs = performance.now();
    gone.hidden = true;
    byId("at").firstElementChild.textContent = timeOf(statusAt);
  } catch (error) {
    showNoAnswer(error);
  }
  isBusy = false;
  timer = setTimeout(refresh, EVERY_MS);
}

async function get(path, format) {
  const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(EVERY_MS) });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return answer[format]();
}

/** That a check is running stays in it. */
const withoutDurations = ({ at, ...status }) =>
  JSON.stringify(status, (key, value) => (/^(?:for|running)Seconds$/.test(key) ? 0 : value));

function show(page) {
  // Another version of the daemon has another script.
  if (page.querySelector("script").text !== document.querySelector("script").text) return location.reload();
  const focused = document.activeElement;
  document.title = page.title;
  icon.href = page.querySelector("link[rel=icon]").href;
  update(main, page.querySelector("main"));
  if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  filter();
}

function showNoAnswer({ name, message }) {
  shown = "";
  const why = message.startsWith("HTTP") ? ` (${message})` : name === "TimeoutError" ? " (timeout)" : "";
  const text = `No answer since ${timeOf(statusAt)}${why}. The page shows the state of that time.`;
  // The same text again would be read out again.
  if (gone.textContent !== text) gone.textContent = text;
  gone.hidden = false;
  document.title = `NO ANSWER ${byId("at").dataset.host}`;
  icon.href = icon.dataset.noAnswer;
}

const timeOf = (iso) => `${iso.slice(11, 19)} UTC`;

/** Durations go on by the clock of the daemon; while it does not answer, they stand still. */
function count() {
  if (document.hidden || !gone.hidden || !refreshing.checked) return;
  const seconds = (Date.parse(statusAt) - Date.parse(main.dataset.at) + performance.now() - readMs) / 1000;
  for (const element of document.querySelectorAll("[data-s]")) {
    const text = duration(Number(element.dataset.s) + seconds);
    if (element.textContent !== text) element.textContent = text;
  }
}

function filter() {
  const wanted = words.value.toLowerCase().split(/\s+/);
  const rows = [...document.querySelectorAll(".checks tbody tr")];
  for (const row of rows) {
    const text = row.textContent.toLowerCase();
    row.hidden = (only.checked && row.dataset.failing === undefined) || !wanted.every((word) => text.includes(word));
  }
  const left = rows.filter((row) => !row.hidden).length;
  byId("count").textContent = left === rows.length ? "" : `${left} of ${rows.length} shown`;
}

for (const element of [words.closest("p"), refreshing.closest("label")]) element.hidden = false;
for (const element of [words, only]) element.addEventListener("input", filter);
refreshing.addEventListener("change", refresh);
document.addEventListener("visibilitychange", refresh);
setInterval(count, 1000);
filter();
