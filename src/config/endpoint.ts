// What an endpoint's path is: one slash at its end changes nothing, so /replica/ is /replica.

export const withoutLastSlash = (path: string): string =>
  path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
