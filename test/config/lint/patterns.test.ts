// A pattern in place of a text, a path or a name gets a warning; a value meant literally gets none.

import { expect, test } from "bun:test";
import { lint, lintKeys } from "./lines.ts";

const own = (lines: readonly string[]) => lines.filter((line) => !line.includes("a critical check of another host"));

const http = "http://127.0.0.1/";

test.each(["/UP/", "/ok/i", "^UP$", "UP|OK", "ok|pass", "/^(UP|OK)$/"])(
  "%s as a value of JSON gets a warning",
  async (value) => {
    expect(await lintKeys({ http, json: { "/s": value } })).toEqual([
      "checks[0].json./s: warning: it is compared as plain text; put a regular expression under expect",
    ]);
  },
);

test.each(["UP", "/api/", "/var/lib/", "^1.2.3", "a|b", "$5", "read|write"])(
  "%s as a value of JSON gets none",
  async (value) => {
    expect(await lintKeys({ http, json: { "/s": value } })).toEqual([]);
  },
);

const plain = (sign: string) =>
  `it is compared as plain text, including ${sign}; write a regular expression between slashes, as in /^ok$/i`;
const BLANK = "the space before or after the slashes makes it plain text; remove the space for a regular expression";

test.each([
  ["\\bok\\b", plain("\\b")],
  ["\\.ok", plain("\\.")],
  ["v1\\.2", plain("\\.")],
  ["*ok*", plain("*")],
  ["*ok", plain("*")],
  ["OK*", plain("*")],
  ["/ok/i ", BLANK],
  [" /ok/", BLANK],
  ["/\\h/", "\\h is not supported in a regular expression (ECMAScript syntax); use ^, $, \\d or \\s"],
])("expect: %j looks like a regular expression", async (expected, warning) => {
  expect(await lintKeys({ tcp: 22, expect: expected })).toEqual([`checks[0].expect: warning: ${warning}`]);
});

test.each(["* OK", "*3", "a * b", "5*", "foo|bar", "/a/b ", "C:\\bin\\b", "/\\\\host/", "/\\d\\.\\d/", "usr/lib/ "])(
  "expect: %j gets no warning",
  async (expected) => {
    expect(await lintKeys({ tcp: 22, expect: expected })).toEqual([]);
  },
);

test("matching gets the warnings of expect", async () => {
  const warningsOf = async (matching: string) => lintKeys({ process: "java", matching });
  expect(await warningsOf("//")).toEqual([
    "checks[0].matching: warning: it is compared as plain text; a regular expression needs a pattern between the slashes",
  ]);
  expect(await warningsOf("kafka\\.Kafka")).toEqual([`checks[0].matching: warning: ${plain("\\.")}`]);
  for (const fine of ["kafka.Kafka", "/kafka\\.Kafka/", "-jar /opt/x.jar"]) {
    expect(await warningsOf(fine)).toEqual([]);
  }
});

const oneFile = (sign: string) => `warning: ${sign} here; a path is not expanded as a pattern`;

test.each([
  [{ script: ["/bin/true"], cwd: "/opt/app-*" }, `cwd: ${oneFile("* is a plain character")}`],
  [{ http: "https://127.0.0.1/", tls: { ca: "/etc/ssl/*.pem" } }, `tls.ca: ${oneFile("* is a plain character")}`],
  [{ certificate: 443, ca: "/etc/ssl/?.pem" }, `ca: ${oneFile("? is a plain character")}`],
  [{ tcp: "unix:/run/*.sock" }, `tcp: ${oneFile("* is a plain character")}`],
  [{ file: "/a/{a,b}" }, `file: ${oneFile("{a,b} is plain text")}`],
  [{ file: "/a/%Y-%m-%d" }, `file: ${oneFile("%Y is plain text")}`],
  [{ file: "/run/x\n" }, "file: warning: it ends with a line end, which is part of the path"],
  [{ file: "/x " }, "file: warning: it ends with white space, which is part of the path"],
])("the path of %j looks like a pattern", async (check, warning) => {
  expect(own(await lintKeys(check))).toEqual([`checks[0].${warning}`]);
});

test.each([
  { file: "/a/{b}" },
  { file: "/a/a%20b" },
  { file: "/a/100%" },
  { file: "/a b/c" },
  { tcp: "unix:/run/app.sock" },
  { script: ["/bin/ls", "*"], cwd: "/opt/app" },
])("the path of %j gets no warning", async (check) => {
  expect(await lintKeys(check)).toEqual([]);
});

const COMMAND_LINE =
  "it looks like a command line, but is compared with the name of a program; write only the name here, and put the rest under matching:";
const PROGRAM =
  "it begins with a slash, so it is read as the path of a pid file; write the name of a program without its path";

test.each([
  ["nginx ", "it ends with white space, which must match too"],
  ["nginx\n", "it ends with a line end, which must match too"],
  ["nginx: master process", COMMAND_LINE],
  ["java -jar x.jar", COMMAND_LINE],
  ["/usr/sbin/nginx", PROGRAM],
  ["/bin/dash", PROGRAM],
  ["/usr/lib/postgresql/15/bin/postgres", PROGRAM],
])("process: %j looks like no name", async (process, warning) => {
  expect(await lintKeys({ process })).toEqual([`checks[0].process: warning: ${warning}`]);
});

test.each([
  "postgres: main",
  "Web Content",
  "tmux: server",
  "a-b",
  "/run/bin/app.pid",
  "/usr/lib/tomcat/temp/tomcat.pid",
  "/usr/local/bin/x.pid",
  "/opt/app/bin/app.pid",
])("process: %j is a name or a pid file", async (process) => {
  expect(await lintKeys({ process })).toEqual([]);
});

test("a secret in a path gets no warning", async () => {
  const env = { PW: "s*cret" };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as the file has it
  expect(await lint('checks: [{ file: "/a/${env:PW}" }]', {}, env)).toEqual([]);
});
