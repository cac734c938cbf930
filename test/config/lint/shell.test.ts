// Shell syntax in a script gets a warning with its place, and with what to write instead.

import { expect, test } from "bun:test";
import { lint, lintCheck, lintKeys } from "./lines.ts";

const noShell = (what: string, cure = '[sh, -c, "…"]') =>
  `warning: a script runs without a shell, so ${what} the command as plain text; use ${cure} (as an option: --script "sh -c '…'"), or put plain text in single quotes`;

test.each([
  ['test -n "$(pgrep nginxx)"', "$( reaches"],
  ['echo "$HOME"', "$HOME reaches"],
  ['echo "in $HOME/x"', "$HOME reaches"],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as a shell has it
  ['echo "${HOME}/x"', "${HOME} reaches"],
  ['echo "`date`"', "` reaches"],
  ['test -e "$(cat "/run/a b")"', "$( reaches"],
])("shell syntax in double quotes gets a warning: %s", async (script, what) => {
  expect(await lintKeys({ script })).toEqual([`checks[0].script: ${noShell(what)}`]);
  expect((await lint(undefined, { script: [script] }))[0]).toEndWith(noShell(what));
});

test.each([
  'echo "\\$HOME \\$(x) \\`x\\`"',
  "echo '$HOME $(x) `x`'",
  'grep -q "^ok$" /run/state',
  'grep -q "US$ 5|6" /run/state',
  'awk "{print $NF}" /run/state',
  'sh -c "test -n \\"$(pgrep nginxx)\\" && echo $HOME"',
  'sudo -u app bash -ec "cd $HOME; ./check"',
  'ssh app@127.0.0.1 "test -e $HOME/ready"',
  'mysql -e "SELECT 1 FROM `t`"',
  'perl -e "print $x"',
])("plain text, or syntax of another program, gets no warning: %s", async (script) => {
  expect(await lintCheck({ script })).toEqual([]);
});

test("a list under the option script is a list of commands; a split command gets a problem", async () => {
  const cure = '[[sh, -c, "…"]]';
  expect(await lint('script: "echo ruok | grep imok"')).toEqual([`hc.yaml:1:9: script: ${noShell("| reaches", cure)}`]);
  expect(await lint('script: [[sh, -c, "echo ruok | grep ruok"]]')).toEqual([]);
});

const SPLIT =
  'expected a command, got an option; this list holds commands: write one command as a list in it, such as [[sh, -c, "…"]]';

test("the words of one command are not read as commands", async () => {
  expect(await lint('script: [sh, -c, "echo ruok"]')).toEqual([`hc.yaml:1:14: script[1]: ${SPLIT}`]);
  expect(await lint("script: [redis-cli, -a, SEKRET1, ping]")).toEqual([`hc.yaml:1:21: script[1]: ${SPLIT}`]);
  expect(await lint("script: [/bin/check -a, /bin/other]")).toEqual([]);
});

const SEVERAL = "several lines that are commands";

test.each([
  "/usr/lib/nagios/plugins/check_disk\n-w 10%\n-p\n/data\n",
  "/usr/lib/nagios/plugins/check_disk\n  -w\n  10%\n  -c 5% -p\n  /data\n",
  "/bin/check\n--file\nstate\n",
])("an option's value may be on a line of its own: %j", async (script) => {
  expect(await lintCheck({ script })).toEqual([]);
});

test.each(["/bin/check\n-p /data\n/bin/other", "set -e\n/bin/check", "/bin/check -p\n/data"])(
  "a line that follows no line of options is a command: %j",
  async (script) => {
    expect(await lintCheck({ script })).toEqual([expect.stringContaining(SEVERAL)]);
  },
);

test("a comment is no command, but is passed to the program", async () => {
  const got = `got a line that begins with #; a script runs without a shell and has no comments: remove the line, or use [sh, -c, "…"]`;
  expect(await lintKeys({ script: "# check it\n/bin/check\n" })).toEqual([
    `checks[0].script: expected one command, ${got}`,
  ]);
  expect(await lintKeys({ script: "/bin/check\n# all\n--all\n" })).toEqual([
    `checks[0].script: expected one command, ${got}`,
  ]);
  expect((await lint(undefined, { script: ["# check it\n/bin/check"] }))[0]).toEndWith(noShell("a comment reaches"));
  expect(await lintCheck({ script: "/bin/check '#1'\n" })).toEqual([]);
});

const finds = (search: string) =>
  `checks[0].script: warning: ${search} also matches the command lines of the daemon and its other scripts, so it may pass when no such process runs; use process: NAME with matching: /…/`;

test.each([
  ["ps -eo cmd | sed -n /X/p", "ps … sed"],
  ["ps aux | perl -ne 'print if /X/'", "ps … perl"],
  ["ps aux | (grep X)", "ps … grep"],
  ["ps aux | { grep X; }", "ps … grep"],
  ["ps aux | ! grep X", "ps … grep"],
  ["grep X <(ps aux)", "ps … grep"],
  ["ps aux > /tmp/x; grep X /tmp/x", "ps … grep"],
  ["ps aux >/tmp/x && grep -q X /tmp/x", "ps … grep"],
  ["cat /proc/*/cmdline | grep X", "/proc/*/cmdline … grep"],
  ["cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep X", "/proc/*/cmdline … grep"],
  ["grep -l X /proc/*/cmdline", "grep … /proc/*/cmdline"],
])("%s searches command lines", async (text, search) => {
  expect(await lintKeys({ script: ["bash", "-c", text] })).toEqual([finds(search)]);
});

test.each([
  "ps aux | sed 1d | wc -l",
  "ps aux > /tmp/x; grep X /tmp/y",
  "ps aux >/dev/null; (grep X /run/state)",
  "grep X <(cat /run/state); ps aux",
  "cat /proc/1/cmdline | grep X",
  "cat /proc/$PID/cmdline | grep X",
  "ps -C nginx -o args > /tmp/x; grep X /tmp/x",
  "cat /proc/*/comm | grep X",
])("%s searches no command lines", async (text) => {
  expect(await lintKeys({ script: ["bash", "-c", text] })).toEqual([]);
});
