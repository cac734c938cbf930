// Takes over what differs in a new rendering. Elements stay where they can, and with them focus, selected text, open
// details and the scroll position. An element with data-key is found again wherever it has gone; what the user sets
// (data-keep, open, hidden) stays.

export function update(old, fresh) {
  if (old.isEqualNode(fresh) || old.dataset?.keep !== undefined) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  updateAttributes(old, fresh);
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

function updateAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (name !== "open" && name !== "hidden" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}
