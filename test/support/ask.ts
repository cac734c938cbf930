// One HTTP request as a load balancer makes it: on a connection of its own, by no
// proxy, following nothing.

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

/** No test waits longer for an answer: one that never comes is a failure that says so. */
const LIMIT_MS = 60_000;

/** `unix` is the path of a socket to ask instead of the host in `url`. */
export async function askAt(url: string, init: RequestInit & { unix?: string | undefined } = {}): Promise<Answer> {
  const { unix, ...given } = init;
  const own = {
    keepalive: false,
    proxy: false,
    redirect: "manual",
    signal: AbortSignal.timeout(LIMIT_MS),
    ...(unix && { unix }),
  };
  const response = await fetch(url, { ...own, ...given } as RequestInit);
  const body = await response.text();
  return { status: response.status, body, headers: response.headers };
}
