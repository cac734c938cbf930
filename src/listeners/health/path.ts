// The path that a request asks for.

/** As it was sent, without the query. A request has the path alone, or a whole URL. */
export function pathOf(url: string): string {
  const authority = url.startsWith("/") ? 0 : url.indexOf("://") + 3;
  const start = url.indexOf("/", authority);
  return start < 0 ? "/" : url.slice(start).replace(/[?#].*$/s, "");
}
