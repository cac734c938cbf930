// A request has the headers that it needs, and the check's headers.

import { expect, test } from "bun:test";
import { formatRequest } from "../../../src/checks/http/request.ts";
import { version } from "../../../src/text/version.ts";

test("a request has the headers that it needs and those of the check, which replace its defaults", () => {
  expect(formatRequest({ method: "GET", path: "/x?y", host: "a:1", headers: [], body: undefined })).toBe(
    `GET /x?y HTTP/1.1\r\nHost: a:1\r\nUser-Agent: health-checker/${version}\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: close\r\n\r\n`,
  );
  const headers = [
    ["accept", "a/b"],
    ["USER-AGENT", "me"],
  ] as const;
  expect(formatRequest({ method: "POST", path: "/", host: "a", headers, body: "ö" })).toBe(
    "POST / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: identity\r\naccept: a/b\r\nUSER-AGENT: me\r\nContent-Length: 2\r\nConnection: close\r\n\r\nö",
  );
  const bare = { method: "POST", path: "/", host: "a", headers: [], body: undefined };
  expect(formatRequest(bare)).toContain("\r\nContent-Length: 0\r\n");
});
