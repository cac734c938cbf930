// The completions in the real shells: keys are typed, and the program prints the words that it was started with.

import { expect } from "bun:test";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { completion, type Shell } from "../../../src/cli/completions/completions.ts";
import { OPTION_NAMES } from "../../../src/config/options.ts";
import { plainEnvironment } from "../../support/child.ts";
import { type Keyboard, openKeyboard } from "../../support/keyboard.ts";
import { needs } from "../../support/needs.ts";
import { type TempFolder, tempFolder } from "../../support/temp.ts";

const NAMES = ["database", "tcp 127.0.0.1:5432", "tcp 127.0.0.1:80", `it's "odd" $HOME \\`, "naïve café"];

/** Prints the names of checks as the program does, and for all else its words, each in brackets. */
const PROGRAM = `#!/bin/sh
if [ "$1 $2" = "completions --checks" ]; then
  case "$*" in
    *"other socket"*) echo "of another daemon" ;;
    *) cat names ;;
  esac
  exit
fi
printf 'GOT '
for word; do printf '<%s>' "$word"; done
printf ' END\\n'
`;

/** After the words, the shell is back. */
const WORDS = /GOT (.*) END[\s\S]*READY/;

/** Typed first; the shell prints READY when it waits for the next line. The script is loaded as users load it. */
const START: Readonly<Record<"bash" | "zsh", string>> = {
  bash: "PS1=REA''DY; HISTFILE=; source <(cat script)",
  zsh: "autoload -U compinit; compinit -u -D; source <(cat script); unsetopt PROMPT_SP; PS1=REA''DY",
};

async function setUp(shell: Shell): Promise<TempFolder> {
  const folder = await tempFolder();
  await folder.write("health-checker", PROGRAM, 0o755);
  await folder.write("sudo", '#!/bin/sh\nexec "$@"\n', 0o755);
  await folder.write("names", NAMES.map((name) => `${name}\n`).join(""));
  await folder.write("script", await completion(shell, COMMANDS));
  await folder.write("config file.yaml", "");
  await folder.write("a folder/file", "");
  return folder;
}

const environmentOf = ({ path }: TempFolder) => ({
  ...plainEnvironment(),
  PATH: `${path}:${plainEnvironment()["PATH"]}`,
  HOME: path,
  LANG: "C.UTF-8",
  TERM: "vt100",
});

async function open(shell: "bash" | "zsh", folder: TempFolder, start = START[shell]): Promise<Keyboard> {
  const command = { bash: ["bash", "--norc", "--noprofile", "-i"], zsh: ["zsh", "-f", "-i"] }[shell];
  const keyboard = openKeyboard(command, { cwd: folder.path, env: environmentOf(folder) });
  await keyboard.type(start, /READY/);
  return keyboard;
}

/** The keys, and the words that the program gets. */
type Row = readonly [keys: string, words: string];

const ROWS: readonly Row[] = [
  ["sta\t", "<status>"],
  ["--log-level deb\t", "<--log-level><debug>"],
  ["--log-level=deb\t", "<--log-level=debug>"],
  ["check --format na\t", "<check><--format><nagios>"],
  ["status --format=pro\t", "<status><--format=prometheus>"],
  ["reload --d\t", "<reload><--dry-run>"],
  ["validate conf\t", "<validate><config file.yaml>"],
  ["--config conf\t", "<--config><config file.yaml>"],
  ["--config=conf\t", "<--config=config file.yaml>"],
  ["unit --check conf\t", "<unit><--check><config file.yaml>"],
  ["help und\t", "<help><undrain>"],
  ["completions f\t", "<completions><fish>"],
  ["status data\t", "<status><database>"],
  ["status --json data\t", "<status><--json><database>"],
  ["status database data\t", "<status><database><data>"],
  ["status tcp\\ 127.0.0.1:5\t", "<status><tcp 127.0.0.1:5432>"],
  ["status tc\t8\t", "<status><tcp 127.0.0.1:80>"],
  ['status "tcp 127.0.0.1:5\t', "<status><tcp 127.0.0.1:5432>"],
  ["status it\t", `<status><it's "odd" $HOME \\>`],
  ['status "it\t', `<status><it's "odd" $HOME \\>`],
  ["status 'it\t", `<status><it's "odd" $HOME \\>`],
  ["status na\t", "<status><naïve café>"],
  ['status --control-socket "other socket" of\t', "<status><--control-socket><other socket><of another daemon>"],
  ["status --control-socket=other\\ socket of\t", "<status><--control-socket=other socket><of another daemon>"],
];

/** A shell inserts an option with a blank behind it or with an equals sign, and leaves the slash of a folder or not. */
const ROWS_OF: Readonly<Record<"bash" | "zsh", readonly Row[]>> = {
  bash: [
    ["--port 1 --log-f\tjo\t", "<--port><1><--log-format><journal>"],
    ["--state-directory a\t", "<--state-directory><a folder/>"],
  ],
  zsh: [
    ["--port 1 --log-f\tjo\t", "<--port><1><--log-format=journal>"],
    ["--state-directory a\t", "<--state-directory><a folder>"],
  ],
};

const expectRows = async (keyboard: Keyboard, rows: readonly Row[], program = "health-checker") => {
  const got: Row[] = [];
  for (const [keys] of rows) {
    const [, words = ""] = await keyboard.type(`${program} ${keys}`, WORDS);
    got.push([keys, words]);
  }
  expect(got).toEqual([...rows]);
};

for (const shell of ["bash", "zsh"] as const) {
  (await needs(shell))(
    `${shell} completes what is typed, and quotes it`,
    async () => {
      await using folder = await setUp(shell);
      await using keyboard = await open(shell, folder);
      await expectRows(keyboard, [...ROWS, ...ROWS_OF[shell]]);
      await expectRows(keyboard, ROWS.slice(0, 1), "./health-checker");
    },
    60_000,
  );
}

(await needs("bash", "bash-completion"))(
  "bash-completion finds the script in its folder, also behind sudo",
  async () => {
    await using folder = await setUp("bash");
    const script = await folder.write(".local/share/bash-completion/completions/health-checker", "");
    await rename(join(folder.path, "script"), script);
    const start = "source /usr/share/bash-completion/bash_completion; PS1=REA''DY; HISTFILE=";
    await using keyboard = await open("bash", folder, start);
    await expectRows(keyboard, ROWS);
    await expectRows(keyboard, ROWS.slice(0, 3), "sudo health-checker");
  },
  60_000,
);

(await needs("zsh"))(
  "zsh finds the script in its folders",
  async () => {
    await using folder = await setUp("zsh");
    await rename(join(folder.path, "script"), join(folder.path, "a folder/_health-checker"));
    const start =
      "fpath=($HOME/a\\ folder $fpath); autoload -U compinit; compinit -u -D; unsetopt PROMPT_SP; PS1=REA''DY";
    await using keyboard = await open("zsh", folder, start);
    await expectRows(keyboard, ROWS.slice(0, 3));
  },
  60_000,
);

/** What fish offers for a line, without descriptions. fish finds the script in its folder. */
async function offeredByFish(folder: TempFolder, lines: readonly string[]): Promise<readonly (readonly string[])[]> {
  await folder.write(".config/fish/completions/health-checker.fish", await completion("fish", COMMANDS));
  const offers = lines.map((line) => `complete -C ${JSON.stringify(line).replaceAll("$", "\\$")}; printf '\\036'`);
  const child = Bun.spawn(["fish", "-c", offers.join("\n")], {
    cwd: folder.path,
    env: environmentOf(folder),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  expect(err).toBe("");
  return out
    .split("\x1e")
    .slice(0, -1)
    .map((offered) => offered.split("\n").flatMap((line) => line.split("\t")[0] || []));
}

const FISH: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ["health-checker sta", ["status"]],
  ["health-checker --log-level deb", ["debug"]],
  ["health-checker --log-level=deb", ["--log-level=debug"]],
  ["health-checker --port 1 --log-f", ["--log-format"]],
  ["health-checker --port 1 sta", []],
  ["health-checker check --format na", ["nagios"]],
  ["health-checker status --format ", ["json", "nagios", "prometheus", "table"]],
  ["health-checker drain ", []],
  ["health-checker drain --r", ["--reason"]],
  ["health-checker validate conf", ["config file.yaml"]],
  ["health-checker --config conf", ["config file.yaml"]],
  ["health-checker --config=conf", ["--config=config file.yaml"]],
  ["health-checker --state-directory a", ["a folder/"]],
  ["health-checker --port conf", []],
  ["health-checker help und", ["undrain"]],
  ["health-checker completions ", ["bash", "fish", "zsh"]],
  ["health-checker status tcp", ["tcp 127.0.0.1:5432", "tcp 127.0.0.1:80"]],
  ["health-checker status --json ", [...NAMES].sort()],
  ["health-checker status database ", []],
  ["health-checker status --format json data", ["database"]],
  ['health-checker status --control-socket "other socket" ', ["of another daemon"]],
  ["health-checker status --control-socket=other\\ socket of", ["of another daemon"]],
  ["env health-checker sta", ["status"]],
];

(await needs("fish"))(
  "fish offers what fits, and nothing else",
  async () => {
    await using folder = await setUp("fish");
    const offered = await offeredByFish(
      folder,
      FISH.map(([line]) => line),
    );
    expect(FISH.map(([line], index) => [line, [...(offered[index] ?? [])].sort()])).toEqual(
      FISH.map(([line, names]) => [line, [...names]]),
    );
  },
  60_000,
);

/** All that a shell offers. */
const COMMAND_NAMES = COMMANDS.map(({ meta }) => meta.name).sort();
const OPTIONS_OF_DAEMON = OPTION_NAMES.map((name) => `--${name}`).sort();

(await needs("fish"))(
  "fish offers every command and every option",
  async () => {
    await using folder = await setUp("fish");
    const [commands = [], options = [], ofCheck = []] = await offeredByFish(folder, [
      "health-checker ",
      "health-checker --",
      "health-checker check --",
    ]);
    expect([...commands].sort()).toEqual(COMMAND_NAMES);
    expect([...options].sort()).toEqual(OPTIONS_OF_DAEMON);
    expect(ofCheck).toEqual(expect.arrayContaining([...OPTIONS_OF_DAEMON, "--wait", "--json", "--format"]));
  },
  60_000,
);

for (const shell of ["bash", "zsh"] as const) {
  (await needs(shell))(
    `${shell} lists every command and every option`,
    async () => {
      await using folder = await setUp(shell);
      await using keyboard = await open(shell, folder);
      // bash lists at the second key. Control-U clears the line.
      const listed = async (keys: string) => {
        const [text] = await keyboard.type(`health-checker ${keys}\t\t\x15echo EN''D`, /[\s\S]*\bEND\b/);
        return text.match(/(?:--)?[a-z][a-z-]*/g);
      };
      expect(await listed("")).toEqual(expect.arrayContaining(COMMAND_NAMES));
      expect(await listed("--")).toEqual(expect.arrayContaining(OPTIONS_OF_DAEMON));
      expect(await listed("check --")).toEqual(expect.arrayContaining([...OPTIONS_OF_DAEMON, "--wait"]));
    },
    60_000,
  );
}
