// Refreshes the page: reads `status` every few seconds, and if that has changed, takes over what differs in the new page.
// Elements stay where they can, so that focus, text selection, open details and the scroll position stay too.

(() => {
  const EVERY_MS = 5000;
  const byId = (id) => document.getElementById(id);
  const [words, only, refreshing, gone] = ["words", "only", "refresh", "gone"].map(byId);
  const head = (page, selector) => page.head.querySelector(selector);
  /** The status that the page shows, without what always changes; empty: read the page again. */
  let shown = "";
  let statusAt = document.querySelector("main").dataset.at;
  let readMs = performance.now();
  let timer;
  let isBusy = false;

  const get = async (path, how) => {
    const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(EVERY_MS) });
    if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
    return answer[how]();
  };

  /** What runs is in it, but not for how long. */
  const withoutDurations = ({ at, ...status }) =>
    JSON.stringify(status, (key, value) => (key === "forSeconds" ? 0 : key === "runningSeconds" ? true : value));

  async function refresh() {
    clearTimeout(timer);
    if (isBusy || document.hidden || !refreshing.checked) return;
    isBusy = true;
    try {
      const status = await get("status", "json");
      const now = withoutDurations(status);
      if (now !== shown) show(new DOMParser().parseFromString(await get(".", "text"), "text/html"));
      shown = now;
      statusAt = status.at;
      readMs = performance.now();
      gone.hidden = true;
      byId("at").firstElementChild.textContent = timeOf(statusAt);
    } catch (error) {
      noAnswer(error);
    }
    isBusy = false;
    timer = setTimeout(refresh, EVERY_MS);
  }

  const timeOf = (iso) => `${iso.slice(11, 19)} UTC`;

  function noAnswer({ name, message }) {
    shown = "";
    const why = message.startsWith("HTTP") ? ` (${message})` : name === "TimeoutError" ? " (timeout)" : "";
    gone.textContent = `No answer since ${timeOf(statusAt)}${why}. What follows was true then.`;
    gone.hidden = false;
    document.title = `NO ANSWER ${byId("at").dataset.host}`;
    const icon = head(document, "link[rel=icon]");
    icon.href = icon.dataset.noAnswer;
  }

  function show(page) {
    // Another version of the daemon.
    if (head(page, "style").textContent !== head(document, "style").textContent) return location.reload();
    const focused = document.activeElement;
    document.title = page.title;
    head(document, "link[rel=icon]").href = head(page, "link[rel=icon]").href;
    update(document.querySelector("main"), page.querySelector("main"));
    if (focused.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
    filter();
  }

  /** Makes `old` like `fresh`, except what the user has set. */
  function update(old, fresh) {
    if (old.isEqualNode(fresh) || old.dataset?.keep !== undefined) return;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.nodeValue = fresh.nodeValue;
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (name !== "open" && name !== "hidden" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const keyed = new Map([...old.children].map((child) => [child.dataset.key, child]));
    let next = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const key = child.dataset?.key;
      const same = key === undefined ? next : keyed.get(key);
      const fits = same && same.nodeName === child.nodeName && same.dataset?.key === key;
      if (fits && same === next) next = next.nextSibling;
      else old.insertBefore(fits ? same : child, next);
      if (fits) update(same, child);
    }
    while (next) {
      const last = next;
      next = next.nextSibling;
      last.remove();
    }
  }

  /** Durations go on by the clock of the daemon; while it does not answer, they stand. */
  function count() {
    if (document.hidden || !gone.hidden) return;
    const passed = Date.parse(statusAt) - Date.parse(document.querySelector("main").dataset.at);
    const seconds = (passed + performance.now() - readMs) / 1000;
    for (const element of document.querySelectorAll("[data-s]")) {
      const text = duration(Number(element.dataset.s) + seconds);
      if (element.textContent !== text) element.textContent = text;
    }
  }

  /** As in times.ts. */
  function duration(seconds) {
    const whole = Math.floor(Math.abs(seconds));
    const [s, min, h] = [whole % 60, Math.floor(whole / 60), Math.floor(whole / 3600)];
    if (min < 1) return `${s} s`;
    if (min < 10) return `${min} min ${s} s`;
    if (h < 1) return `${min} min`;
    return h < 48 ? `${h} h ${min % 60} min` : `${Math.floor(h / 24)} days`;
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
  for (const [element, event] of [
    [refreshing, "change"],
    [document, "visibilitychange"],
  ]) {
    element.addEventListener(event, refresh);
  }
  filter();
  setInterval(count, 1000);
  timer = setTimeout(refresh, EVERY_MS);
})();
