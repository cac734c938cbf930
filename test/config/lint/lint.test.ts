// A value that means something else than its author intended gets a warning; a value meant literally gets none.

import { expect, test } from "bun:test";
import { lint, lintCheck } from "./lines.ts";

const CURE = `use [sh, -c, "…"] (as an option: --script "sh -c '…'"), or put plain text in single quotes`;
const noShell = (what: string) => `warning: a script runs without a shell, so ${what}; ${CURE}`;

test.each([
  ["echo ruok | nc 127.0.0.1 1", "| reaches the command as plain text"],
  ["echo ruok|nc 127.0.0.1 1", "| reaches the command as plain text"],
  ["a || b", "|| reaches the command as plain text"],
  ["a && /bin/false", "&& reaches the command as plain text"],
  ["a; b", "; reaches the command as plain text"],
  ["a ;", "; reaches the command as plain text"],
  ["sleep 5 &", "& reaches the command as plain text"],
  ["a > /tmp/x", "> reaches the command as plain text"],
  ["a >> /tmp/x", ">> reaches the command as plain text"],
  ["a < /tmp/x", "< reaches the command as plain text"],
  ["a >/dev/null 2>&1", "> and 2>&1 reach the command as plain text"],
  ["a 2>/dev/null", "2> reaches the command as plain text"],
  ["a &> /dev/null", "&> reaches the command as plain text"],
  ["test -n $(cat /tmp/x)", "$( reaches the command as plain text"],
  ["test -n `cat /tmp/x`", "` reaches the command as plain text"],
  ["ls $HOME/x", "$HOME reaches the command as plain text"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as a shell has it
  ["ls ${HOME}/x", "${HOME} reaches the command as plain text"],
  ["exit $?", "$? reaches the command as plain text"],
  ["~/bin/check", "~/ reaches the command as plain text"],
  ["cat ~/x", "~/ reaches the command as plain text"],
  ["cat ~app/x", "~app/ reaches the command as plain text"],
  ["TOKEN=s3cret /bin/check", "TOKEN= reaches the command as plain text"],
  ["curl -f http://h/?a=1 && true", "&& reaches the command as plain text"],
  ["curl -f http://h/?a=1&b=2 | grep ok", "| reaches the command as plain text"],
  ["curl -f http://h/; echo x", "; reaches the command as plain text"],
  ["a | b && c > d", "|, && and 1 more reach the command as plain text"],
  ["a | b | c", "| reaches the command as plain text"],
  ["a 'b' | c", "| reaches the command as plain text"],
  ['"a"\\ b;c', "; reaches the command as plain text"],
])("the script %j has shell syntax and gets a warning", async (script, what) => {
  expect(await lintCheck({ script })).toEqual([`hc.yaml:1:20: checks[0].script: ${noShell(what)}`]);
  expect(await lint(undefined, { script: [script] })).toEqual([expect.stringMatching(/^--script "?.*"?: /)]);
  expect((await lint(undefined, { script: [script] }))[0]).toEndWith(noShell(what));
});

test.each([
  "/bin/true",
  'grep -qE "a|b" /etc/hosts',
  "grep -qE 'a|b&c;d>e<f' /etc/hosts",
  "/bin/echo a\\|b \\& \\; \\> \\< \\$HOME \\`",
  "find / -maxdepth 0 -exec true {} \\;",
  "find / -maxdepth 0 -exec true {} ;",
  "sh -c 'a | b && c > d; e $HOME `f` $(g)'",
  'sh -c "a | b && c"',
  'bash -ec "x=1\ny=2"',
  "awk '{print $1}' /etc/hosts",
  "grep -q ^ok$ /run/state",
  "grep -q 'ok$' /run/state",
  "curl -fsS http://127.0.0.1:8080/health?a=1&b=2",
  "curl -fsS 127.0.0.1:8080/health?deep&b=2",
  "curl -fsS http://127.0.0.1/a;jsessionid=1",
  "/usr/lib/nagios/plugins/check_disk -w 10% -c 5% -p /data",
  "/usr/lib/nagios/plugins/check_load -w 5,4,3 -c @10:20",
  "env TOKEN=x /bin/check",
  "/bin/check --file=~/x --user=a~b",
  "/bin/check a=b #1",
  "/bin/check \\\n  --one \\\n  --two",
  "/bin/check\n  --one 1\n  --two 2\n",
  "/bin/check\n",
  "'a b' \"c 'd'\"",
  "date +%s%N",
  "test -e /run/x -a ! -e /run/y",
  "check (a) {b} [c] !d",
])("the script %j gets no warning", async (script) => {
  expect(await lintCheck({ script })).toEqual([]);
  expect(await lint(undefined, { script: [script] })).toEqual([]);
});

test("a list is not read as a shell would read it", async () => {
  expect(await lintCheck({ script: ["printf", "%s", "|", "a && b", "$HOME", "`x`", "~/x", "a\nb"] })).toEqual([]);
  expect(await lintCheck({ script: ["sh", "-c", "a | b\nc > d"] })).toEqual([]);
  expect(await lint(`script: [[a, "|", b]]`)).toEqual([]);
});

test("the option script in a file gets the warnings of a check", async () => {
  const inList = (text: string) => text.replace('[sh, -c, "…"]', '[[sh, -c, "…"]]');
  expect(await lint("script: a | b")).toEqual([
    `hc.yaml:1:9: script: ${inList(noShell("| reaches the command as plain text"))}`,
  ]);
  expect(await lint("script:\n  - /bin/true\n  - a && b\n")).toEqual([
    `hc.yaml:3:5: script[1]: ${inList(noShell("&& reaches the command as plain text"))}`,
  ]);
});

const SEVERAL = `expected one command, got several lines that are commands; a script runs without a shell: use [sh, -c, "…"], or end a line with a backslash to continue it`;

test.each([
  "set -e\ntest -e /run/x\n",
  "/bin/true\n/bin/false",
  "#!/bin/sh\nexit 1\n",
  "# the queue\ncd /opt\n/bin/check\n",
  "cd /opt\n./check",
  "/bin/check --one\n  other",
  "if true\nthen false\nfi",
])("several commands on lines of their own are a problem: %j", async (script) => {
  expect(await lintCheck({ script })).toEqual([`hc.yaml:1:20: checks[0].script: ${SEVERAL}`]);
  expect(await lint(`script: [${JSON.stringify(script)}]`)).toEqual([
    `hc.yaml:1:10: script[0]: ${SEVERAL.replace('[sh, -c, "…"]', '[[sh, -c, "…"]]')}`,
  ]);
  // Upstream accepts it as an option.
  const [warning, ...more] = await lint(undefined, { script: [script] });
  const shown = script.startsWith("# ") ? "a comment and a line end reach" : "a line end reaches";
  expect(warning).toEndWith(noShell(`${shown} the command as plain text`));
  expect(more).toEqual([]);
});

test("a pipeline over two lines is one command of a shell", async () => {
  for (const script of ["a |\n  b", "a\n  | b", "a &&\nb"]) {
    expect(await lintCheck({ script })).toEqual([expect.stringContaining("warning: a script runs without a shell")]);
  }
});

test("a secret in a script is not read as shell syntax, and is not shown", async () => {
  const secret = "s3c$cret|x";
  const env = { PW: secret };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as the file has it
  expect(await lintCheck({ script: "check ${env:PW}" }, {}, env)).toEqual([]);
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as the file has it
  const warnings = await lintCheck({ script: "check ${env:PW} | b" }, {}, env);
  expect(warnings).toEqual([`hc.yaml:1:20: checks[0].script: ${noShell("| reaches the command as plain text")}`]);
});

const finds = (search: string) =>
  `warning: ${search} also matches the command lines of the daemon and its other scripts, so it may pass when no such process runs; use process: NAME with matching: /…/`;

test.each([
  ["pgrep -f kafka", "pgrep -f"],
  ["/usr/bin/pgrep -lf kafka", "pgrep -f"],
  ["pgrep --count --full kafka", "pgrep -f"],
  ["pgrep -u app -f 'kafka.*9092'", "pgrep -f"],
  ["pkill -0 -f kafka", "pkill -f"],
  ["sudo -u app pgrep -f kafka", "pgrep -f"],
  ["timeout 5 pgrep -f kafka", "pgrep -f"],
  ["env LC_ALL=C pgrep -f kafka", "pgrep -f"],
  ["sh -c 'pgrep -f kafka'", "pgrep -f"],
  ["/bin/bash -ec 'set -u; pgrep -f kafka >/dev/null && echo ok'", "pgrep -f"],
  ["bash -o pipefail -c 'pgrep -f kafka | wc -l'", "pgrep -f"],
  ["sh -c 'if pgrep -f kafka; then exit 0; fi'", "pgrep -f"],
  ["sh -c '! pgrep -f kafka'", "pgrep -f"],
  ["sh -c 'test -n \"$(pgrep -f kafka)\"'", "pgrep -f"],
  ["sh -c '[ `pgrep -fc kafka` -gt 1 ]'", "pgrep -f"],
  ["sh -c 'ps aux | grep kafka'", "ps … grep"],
  ["sh -c 'ps -ef | grep -v grep | grep kafka'", "ps … grep"],
  ["sh -c 'ps -ef | tr a b | egrep -q kafka'", "ps … egrep"],
  ["sh -c 'ps axww|grep [k]afka'", "ps … grep"],
  ["sh -c 'ps ax -o args | awk /kafka/'", "ps … awk"],
  ["sh -c \"sh -c 'pgrep -f kafka'\"", "pgrep -f"],
])("the script %j may find the daemon itself and gets a warning", async (script, search) => {
  expect(await lintCheck({ script })).toEqual([`hc.yaml:1:20: checks[0].script: ${finds(search)}`]);
  expect((await lint(undefined, { script: [script] }))[0]).toEndWith(finds(search));
});

test("a list that looks for a command line may find the daemon itself", async () => {
  const found = [`hc.yaml:1:20: checks[0].script: ${finds("pgrep -f")}`];
  expect(await lintCheck({ script: ["pgrep", "-f", "a b"] })).toEqual(found);
  expect(await lintCheck({ script: ["sh", "-c", "x=1\npgrep -f 'a b'\n"] })).toEqual(found);
  expect(await lintCheck({ script: ["sh", "-c", "ps aux | grep x"] })).toEqual([
    `hc.yaml:1:20: checks[0].script: ${finds("ps … grep")}`,
  ]);
});

test("without a shell the pipe gets a warning too", async () => {
  expect(await lintCheck({ script: "ps aux | grep kafka" })).toEqual([
    `hc.yaml:1:20: checks[0].script: ${noShell("| reaches the command as plain text")}`,
    `hc.yaml:1:20: checks[0].script: ${finds("ps … grep")}`,
  ]);
});

test.each([
  "pgrep -x nginx",
  "pgrep -u app java",
  "pgrep -F /run/nginx.pid",
  "pkill -0 nginx",
  "killall -0 nginx",
  "sh -c 'pgrep nginx'",
  "sh -c 'ps -C nginx -o args | grep master'",
  "sh -c 'ps -p 1 -o args= | grep systemd'",
  "sh -c 'ps -eo comm= | grep -x nginx'",
  "sh -c 'ps aux | wc -l'",
  "sh -c 'ps aux >/dev/null; grep -q ok /run/state'",
  "sh -c 'ps aux || grep -q ok /run/state'",
  "sh -c 'echo \"do not use pgrep -f\"'",
  "echo pgrep -f",
  "grep -f /etc/patterns /run/state",
  "/opt/check-pgrep -f x",
  "/bin/check -f pgrep",
])("the script %j searches no command lines", async (script) => {
  expect(await lintCheck({ script })).toEqual([]);
});

/* What others write as a placeholder is a text here. */
/* biome-ignore-start lint/suspicious/noTemplateCurlyInString: as the file has it */
const variable = (written: string, name: string) =>
  `warning: ${written} is plain text here; write \${env:${name}} for an environment variable`;
const inFile = (written: string) =>
  `warning: ${written} is plain text here; write \${file:/PATH} for the content of a file`;

test.each([
  ["${DB_PASSWORD}", variable("${DB_PASSWORD}", "DB_PASSWORD")],
  ["Bearer ${TOKEN}", variable("${TOKEN}", "TOKEN")],
  ["${token}", variable("${token}", "token")],
  ["${TOKEN:-s3cret}", variable("${TOKEN…}", "TOKEN")],
  ["${env.TOKEN}", variable("${env.TOKEN}", "TOKEN")],
  ["${ENV:TOKEN}", variable("${ENV:TOKEN}", "TOKEN")],
  ["${ env:TOKEN }", variable("${ env:TOKEN }", "TOKEN")],
  ["$DB_PASSWORD", variable("$DB_PASSWORD", "DB_PASSWORD")],
  ["Bearer $TOKEN", variable("$TOKEN", "TOKEN")],
  ["{{ db_password }}", variable("{{ db_password }}", "NAME")],
  ["${FILE:/run/token}", inFile("${FILE:/run/token}")],
  ["$(cat /run/token)", inFile("$(cat /run/token)")],
])("the value %j is not filled in, and gets a warning", async (value, warning) => {
  const http = { http: "http://127.0.0.1/", headers: { Authorization: value } };
  expect(await lintCheck(http)).toEqual([
    expect.stringMatching(/^hc\.yaml:1:\d+: checks\[0\]\.headers\.Authorization: /),
  ]);
  expect((await lintCheck(http))[0]).toEndWith(warning);
  const redis = { redis: "redis://127.0.0.1/", password: value };
  expect((await lintCheck(redis)).at(-1)).toBe(`hc.yaml:1:51: checks[0].password: ${warning}`);
});

test("a placeholder gets a warning in every key", async () => {
  const warningsOf = async (check: unknown) =>
    (await lintCheck(check)).map((line) => line.replace(/^hc\.yaml:[\d:]+ /, ""));
  expect(await warningsOf({ redis: "redis://:$REDIS_PASSWORD@127.0.0.1/" })).toEqual([
    `checks[0].redis: ${variable("$REDIS_PASSWORD", "REDIS_PASSWORD")}`,
  ]);
  expect(await warningsOf({ script: ["/bin/check"], env: { PATH: "${HOME}/bin:/bin" } })).toEqual([
    `checks[0].env.PATH: ${variable("${HOME}", "HOME")}`,
  ]);
  expect(await warningsOf({ file: "/home/${USER}/x", expect: "${WHAT}" })).toEqual([
    `checks[0].file: ${variable("${USER}", "USER")}`,
    `checks[0].expect: ${variable("${WHAT}", "WHAT")}`,
  ]);
  expect(await warningsOf({ http: "http://127.0.0.1/", method: "POST", body: "${A} ${A} ${B}" })).toEqual([
    `checks[0].body: ${variable("${A}", "A")}`,
    `checks[0].body: ${variable("${B}", "B")}`,
  ]);
});

test.each([
  "${env:TOKEN}",
  "Bearer ${env:TOKEN}",
  "$${TOKEN}",
  "Bearer $${env:TOKEN}",
  "pa$$word",
  "pa$WORD",
  "$ecret",
  "$ECRET1",
  "$2y$10$abcdefghijk",
  "a$",
  "{a: {b: 1}}",
  '{"a":{"b":{}}}',
  "100%",
  "`x`",
])("the value %j is plain text", async (value) => {
  const env = { TOKEN: "x" };
  expect(await lintCheck({ http: "http://127.0.0.1/", headers: { Authorization: value } }, {}, env)).toEqual([]);
});

test("a secret whose value looks like a placeholder gets no warning", async () => {
  const check = { redis: "redis://127.0.0.1/", password: "${env:PW}" };
  expect(await lintCheck(check, {}, { PW: "${DB_PASSWORD}" })).toEqual([]);
});

test("a text for a shell may hold placeholders of the shell", async () => {
  expect(await lintCheck({ script: ["sh", "-c", "echo ${HOME}"] })).toEqual([]);
});
/* biome-ignore-end lint/suspicious/noTemplateCurlyInString: as the file has it */

const seconds = (given: string, means: string) =>
  `warning: ${given} without a unit is seconds (${means}); write ${given}ms for milliseconds, or ${given}s for seconds`;

test.each([
  ["port-timeout", "5000", "1h23m20s"],
  ["script-timeout", "3000", "50m"],
  ["script-timeout", "1800", "30m"],
  ["script-timeout", "500", "8m20s"],
  ["deadline", "4500", "1h15m"],
  ["port-timeout", "100", "1m40s"],
  ["port-timeout", "200", "3m20s"],
  ["deadline", "2500.0", "41m40s"],
  ["interval", "500", "8m20s"],
  ["interval", "5000", "1h23m20s"],
  ["drain-delay", "30000", "8h20m"],
])("--%s %s looks like milliseconds", async (option, given, means) => {
  const late = (lines: readonly string[]) => lines.filter((line) => !line.includes("time out first"));
  expect(late(await lint(undefined, { port: ["80"], [option]: [given] }))).toEqual([
    `--${option}: ${seconds(given, means)}`,
  ]);
  expect(late(await lint(`port: 80\n${option}: ${given}\n`))).toEqual([
    `hc.yaml:2:${option.length + 3}: ${option}: ${seconds(given, means)}`,
  ]);
});

test.each([
  ["port-timeout", "5"],
  ["port-timeout", "5000ms"],
  ["port-timeout", "5000s"],
  ["script-timeout", "60"],
  ["script-timeout", "120"],
  ["script-timeout", "300"],
  ["script-timeout", "600"],
  ["script-timeout", "0.5"],
  ["script-timeout", "100"],
  ["deadline", "4.5"],
  ["interval", "60"],
  ["interval", "300"],
  ["interval", "900"],
  ["interval", "3600"],
  ["interval", "120"],
  ["interval", "5400"],
  ["port-timeout", "120"],
  ["drain-delay", "500"],
  ["interval", "86400"],
  ["drain-delay", "0"],
  ["drain-delay", "300"],
])("--%s %s gets no warning", async (option, given) => {
  const raw = { port: ["80"], [option]: [given] };
  expect((await lint(undefined, raw)).filter((line) => !line.includes("time out first"))).toEqual([]);
});

test("keys of a check and of defaults that look like milliseconds get a warning", async () => {
  const late = (lines: readonly string[]) => lines.filter((line) => !line.includes("time out first"));
  expect(late(await lint("checks: [{ tcp: 80, timeout: 3000 }]"))).toEqual([
    `hc.yaml:1:30: checks[0].timeout: ${seconds("3000", "50m")}`,
  ]);
  expect(late(await lint('defaults: { timeout: "2500" }\nport: 80'))).toEqual([
    `hc.yaml:1:22: defaults.timeout: ${seconds("2500", "41m40s")}`,
  ]);
  expect(await lint("checks: [{ tcp: 80, interval: 10000, stale-after: 60000 }]")).toEqual([
    `hc.yaml:1:31: checks[0].interval: ${seconds("10000", "2h46m40s")}`,
    `hc.yaml:1:51: checks[0].stale-after: ${seconds("60000", "16h40m")}`,
  ]);
  expect(await lint("checks: [{ file: /run/x, max-age: 60000 }, { file: /run/y, max-age: 86400 }]")).toEqual([
    `hc.yaml:1:35: checks[0].max-age: ${seconds("60000", "16h40m")}`,
  ]);
  // 25, 5 and 10 hours, and some minutes.
  const ages = [90_000, 18_000, 36_000, 500].map((age) => `{ file: /run/x${age}, max-age: ${age} }`);
  expect(await lint(`checks: [${ages}]`)).toEqual([]);
  expect(late(await lint("checks: [{ tcp: 80, timeout: 100 }, { script: [/bin/x], timeout: 100 }]"))).toEqual([
    `hc.yaml:1:30: checks[0].timeout: ${seconds("100", "1m40s")}`,
  ]);
  expect(await lint("checks: [{ tcp: 80, send: 5000, expect: 5000, name: 5000 }]")).toEqual([]);
});

const overlong = (timeout: string, interval: string) =>
  `warning: the timeout (${timeout}) is longer than the interval (${interval}), so while a run hangs the next runs are skipped`;

test("a timeout above the interval gets a warning where it was set", async () => {
  expect(await lint("checks: [{ tcp: 80, interval: 2s, timeout: 10s }]")).toEqual([
    `hc.yaml:1:44: checks[0].timeout: ${overlong("10s", "2s")}`,
  ]);
  expect(await lint("interval: 2s\ndefaults: { timeout: 3s }\nchecks: [{ tcp: 80 }, { tcp: 81 }]\n")).toEqual([
    `hc.yaml:2:22: defaults.timeout: ${overlong("3s", "2s")}`,
  ]);
  expect(await lint("checks: [{ tcp: 80, timeout: 10s }]", { interval: ["2s"] })).toEqual([
    `hc.yaml:1:30: checks[0].timeout: ${overlong("10s", "2s")}`,
  ]);
  expect(await lint("port: [80, 81]\nport-timeout: 10\n", { interval: ["5s"] })).toEqual([
    `hc.yaml:2:15: port-timeout: ${overlong("10s", "5s")}`,
  ]);
  const raw = { port: ["80"], script: ["true"], interval: ["5s"], "script-timeout": ["10"], "port-timeout": ["7"] };
  expect(await lint(undefined, raw)).toEqual([
    `--port-timeout: ${overlong("7s", "5s")}`,
    `--script-timeout: ${overlong("10s", "5s")}`,
  ]);
});

test("a timeout up to the interval, or the default timeout, gets no warning", async () => {
  expect(await lint("checks: [{ tcp: 80, interval: 2s, timeout: 2s }]")).toEqual([]);
  expect(await lint("checks: [{ tcp: 80, interval: 2s }]")).toEqual([]);
  expect(await lint("checks: [{ tcp: 80, timeout: 3s }]")).toEqual([]);
  expect(await lint(undefined, { port: ["80"], interval: ["1s"] })).toEqual([]);
});

const CACHED =
  "warning: MySQL may refuse a password over TCP to another host without tls: its default login, caching_sha2_password, takes it only while the server has it cached; set tls (mariadb:// for MariaDB, which has no such cache)";

test("a password for MySQL over plain TCP to another host gets a warning", async () => {
  const own = (lines: readonly string[]) => lines.filter((line) => !line.includes("a critical check of another host"));
  const warnings = [`hc.yaml:1:19: checks[0].mysql: ${CACHED}`];
  expect(own(await lintCheck({ mysql: "mysql://app:s3cret@db.internal/app" }))).toEqual(warnings);
  expect(own(await lintCheck({ mysql: "mysql://app@10.0.0.9/app", password: "s3cret" }))).toEqual(warnings);
  const beside = { mysql: "mysql://app:s3cret@10.0.0.9/app" };
  expect(own(await lintCheck({ ...beside, tls: true }))).toEqual([]);
  expect(own(await lintCheck({ mysql: "mariadb://app:s3cret@10.0.0.9/app" }))).toEqual([]);
});

test.each([
  { mysql: "mysql://app@127.0.0.1/app" },
  { mysql: "mysql://app:s3cret@127.0.0.1/app" },
  { mysql: "mysql://app:s3cret@[::1]/app" },
  { mysql: "mysql://app@localhost/app", password: "s3cret" },
  { mysql: "mysql://app:s3cret@127.0.0.1/app", tls: true },
  { mysql: "mysql://app:s3cret@127.0.0.1/app", tls: {} },
  { mysql: "mysql://app:s3cret@localhost/app?socket=/run/mysqld/mysqld.sock" },
  { mysql: "mariadb://app:s3cret@127.0.0.1/app" },
  { postgres: "postgres://app:s3cret@127.0.0.1/app" },
])("%j gets no warning", async (check) => {
  expect(await lintCheck(check)).toEqual([]);
});

const expression = (text: string) =>
  `warning: it is compared as plain text, including ${text}; write a regular expression between slashes, as in /^ok$/i`;

test.each([
  ["(?i)ssh", "(?i)"],
  ["(?s).*ready", "(?s)"],
  ["(?:a|b)", "(?:"],
  ["^OK", "^"],
  ["ready$", "$"],
  ["status: .*", ".*"],
  ["Mode: .+", ".+"],
  ["\\d+ connections", "\\d"],
  ["depth: [0-9]", "[0-9]"],
  ["Mode: (leader|follower)", "(leader|follower)"],
])("the text %j looks like a regular expression", async (expected, text) => {
  expect(await lintCheck({ tcp: 22, expect: expected })).toEqual([
    `hc.yaml:1:29: checks[0].expect: ${expression(text)}`,
  ]);
});

test.each([
  "imok",
  "+PONG",
  "220 mail.example.org ESMTP",
  "SSH-2.0-",
  "* OK",
  '{"status":"UP","checks":[{"id":1}]}',
  "10.0.0.9",
  "a.b",
  "C:\\data",
  "US$ 5",
  "what?",
  "[ok]",
  "(ready)",
  "a|b",
  "5 * 3",
  "/^OK/i",
  "/(?:a|b)$/m",
  "/[0-9]+/",
])("the text %j is plain text", async (expected) => {
  expect(await lintCheck({ tcp: 22, expect: expected })).toEqual([]);
});

test("a pattern that ends in a line end gets a warning", async () => {
  const warning =
    "warning: it ends with a line end, which must match too; use |- for a block of text, or remove the \\n";
  expect(await lint('checks: [{ tcp: 2181, send: ruok, expect: "imok\\n" }]')).toEqual([
    `hc.yaml:1:43: checks[0].expect: ${warning}`,
  ]);
  expect(await lint("checks:\n  - file: /run/state\n    expect: |\n      ready\n")).toEqual([
    `hc.yaml:3:13: checks[0].expect: ${warning}`,
  ]);
  expect(await lint('checks: [{ script: [/bin/x], expect: "/imok/\\r\\n" }]')).toEqual([
    `hc.yaml:1:38: checks[0].expect: ${warning}`,
  ]);
  expect(await lint("checks:\n  - file: /run/state\n    expect: |-\n      ready\n      now\n")).toEqual([]);
});

test.each([
  ["file", "/var/backups/db-*.gz", "*"],
  ["file", "/var/backups/db-?.gz", "?"],
  ["file", "/var/backups/db-[0-9].gz", "["],
  ["disk", "/mnt/*", "*"],
])("%s: %s has a %s that is compared literally", async (kind, path, sign) => {
  expect(await lintCheck({ [kind]: path, ...(kind === "disk" && { "min-free": "5%" }) })).toEqual([
    `hc.yaml:1:18: checks[0].${kind}: warning: ${sign} is a plain character here; a path is not expanded as a pattern`,
  ]);
});

const named = (what: string) => `warning: ${what}; put a regular expression under matching:`;

test.each([
  ["/java.*QuorumPeerMain/", "it begins with a slash, so it is read as the path of a pid file"],
  ["/nginx/", "it begins with a slash, so it is read as the path of a pid file"],
  ["/^java$/i", "it begins with a slash, so it is read as the path of a pid file"],
  ["/run/app-*.pid", "it begins with a slash, so it is read as the path of a pid file"],
  ["nginx*", "it is compared as a whole name, including *"],
  ["^nginx$", "it is compared as a whole name, including ^"],
  ["[k]afka", "it is compared as a whole name, including ["],
  ["java|python", "it is compared as a whole name, including |"],
])("process: %s looks like a pattern", async (process, what) => {
  expect(await lintCheck({ process })).toEqual([`hc.yaml:1:21: checks[0].process: ${named(what)}`]);
});

test.each([
  { process: "nginx" },
  { process: "(sd-pam)" },
  { process: "postgres: main" },
  { process: "g++" },
  { process: "node.js" },
  { process: "/run/nginx.pid" },
  { process: "/run/postgresql/15-main.pid" },
  { process: "/run/user@1000/app.d/vim" },
  { file: "/var/lib/app (old)/state" },
  { file: "/run/a+b.c" },
  { disk: "/", "min-free": "5%" },
])("%j is meant literally", async (check) => {
  expect(await lintCheck(check)).toEqual([]);
});

test.each([
  ["/\\Aok\\z/", "\\A"],
  ["/^[[:digit:]]+$/", "[:digit:]"],
])("the regular expression %s has syntax of another language", async (expected, sign) => {
  expect(await lintCheck({ tcp: 22, expect: expected })).toEqual([
    `hc.yaml:1:29: checks[0].expect: warning: ${sign} is not supported in a regular expression (ECMAScript syntax); use ^, $, \\d or \\s`,
  ]);
});

test("flags within a regular expression are refused, and the problem says where to put them", async () => {
  expect(await lintCheck({ tcp: 22, expect: "/(?i)ssh/" })).toEqual([
    'hc.yaml:1:29: checks[0].expect: expected a text, or a regular expression between slashes such as /^OK/i, got "/(?i)ssh/" (write flags after the last slash: /ok/i)',
  ]);
});

test("a value that is compared with JSON gets a warning if it looks like a regular expression", async () => {
  const http = "http://127.0.0.1/";
  expect(await lintCheck({ http, json: { "/status": "/^(UP|OK)$/i" } })).toEqual([
    "hc.yaml:1:56: checks[0].json./status: warning: it is compared as plain text; put a regular expression under expect",
  ]);
  expect(await lintCheck({ http, json: { "/path": "/var/lib/", "/a": "/api/v1", "/n": 1, "/z": null } })).toEqual([]);
});

test("warnings about a pattern or a path show no secret", async () => {
  const env = { PW: "^s3cret.*$" };
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as the file has it
  expect(await lintCheck({ tcp: 22, expect: "${env:PW}" }, {}, env)).toEqual([]);
});

test("an invisible character gets a warning where it is accepted", async () => {
  const warningsOf = async (check: unknown) =>
    (await lintCheck(check)).map((line) => line.replace(/^hc\.yaml:[\d:]+ /, ""));
  expect(await warningsOf({ script: "/bin/check\u00a0--all" })).toEqual([
    "checks[0].script: warning: it holds a no-break space, \\u00a0",
  ]);
  expect(await warningsOf({ script: ["/bin/check", "a\u200bb\u00ad", "–all", "“x”"] })).toEqual([
    "checks[0].script[1]: warning: it holds a zero width space, \\u200b; a soft hyphen, \\u00ad",
    "checks[0].script[2]: warning: it holds a typographic dash, \\u2013",
    "checks[0].script[3]: warning: it holds a typographic quotation mark, \\u201c \\u201d",
  ]);
  expect(await warningsOf({ tcp: 80, name: "x\ufeff", expect: "im\u2003ok" })).toEqual([
    "checks[0].name: warning: it holds a byte order mark, \\ufeff",
    "checks[0].expect: warning: it holds a space of another width, \\u2003",
  ]);
  expect(await warningsOf({ redis: "redis://127.0.0.1", password: "s3cret\u00a0" })).toEqual([
    "checks[0].password: warning: it holds a no-break space, \\u00a0",
  ]);
  expect(await lint(undefined, { script: ["/bin/check –all"] })).toEqual([
    '--script "/bin/check –all": warning: it holds a typographic dash, \\u2013',
  ]);
});

test.each(["état prêt", "“ready” – l’état", "👨‍👩‍👧 ok", "می‌خواهم", "naïve", "日本", "Статус"])(
  "the visible text %s gets no warning",
  async (expected) => {
    expect(await lintCheck({ tcp: 80, name: expected, expect: expected })).toEqual([]);
  },
);

test.each([
  "a",
  "a&",
  "&",
  "?a&b",
  "://;a=",
  " -exec a",
  "$(cat ",
  "`",
  "(a|",
  "/*",
  "${a",
  "{{a ",
  "<%=",
  "%(a",
  "%A_B",
  "ps | ",
  "\u00e9a",
])("a text of %j repeated to the size limit of a file is checked within the time limit of a test", async (piece) => {
  const text = piece.repeat(400_000 / piece.length);
  await lint(undefined, { script: [`x ${text}`.replaceAll("`", "")] });
  await lintCheck({ http: "http://127.0.0.1/", expect: text, json: { "/a": text }, headers: { A: text } });
});
