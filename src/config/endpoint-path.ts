// An endpoint: a path of the health listener with a verdict of its own. A slash at the end of the path changes
// nothing: /replica/ is /replica.

export interface Endpoint {
  /** As in a URL; in the options without a slash at its end. */
  readonly path: string;
  /** Names of checks; at least one. */
  readonly checks: readonly string[];
}

export interface EndpointOptions extends Endpoint {
  /** Like the host's `deadlineMs`. */
  readonly deadlineMs: number | undefined;
}

/** A path as clients send it: they write any other character as %XX, and resolve dots. */
export const ENDPOINT_PATH = /^(?!(.*\/)?\.\.?(\/|$))\/[!$-;=@-Z[\]_a-z|~]*$/;

export const withoutLastSlash = (path: string): string =>
  path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
