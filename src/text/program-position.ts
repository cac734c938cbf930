// Finds the words of a command that are programs: the first word, and the program that a wrapper such as sudo runs.

import { nodePath } from "../system/builtins.ts";

interface Wrapper {
  readonly name: RegExp;
  /** Its options of one letter that take the next word. */
  readonly letters: string;
  /** How many arguments it takes before the program, without options. */
  readonly count: number;
}

const WRAPPERS: readonly Wrapper[] = [
  { name: /^(?:sudo|doas)$/, letters: "ugpCDhRTUrt", count: 0 },
  { name: /^timeout$/, letters: "ks", count: 1 },
  { name: /^env$/, letters: "uCS", count: 0 },
  { name: /^nice$/, letters: "n", count: 0 },
  { name: /^ionice$/, letters: "cn", count: 0 },
  { name: /^(?:chroot|flock)$/, letters: "wE", count: 1 },
  { name: /^ssh$/, letters: "bBcDeEFiIJlLmoOpPQRSwW", count: 1 },
  { name: /^(?:nsenter|unshare)$/, letters: "tSG", count: 0 },
  { name: /^systemd-run$/, letters: "EHMpu", count: 0 },
  { name: /^sshpass$/, letters: "pfdP", count: 0 },
  { name: /^xargs$/, letters: "adEILnPs", count: 0 },
  { name: /^(?:exec|command|nohup|setsid|stdbuf|time|busybox)$/, letters: "aioe", count: 0 },
  { name: /^(?:python|perl|ruby|(?:ba|da|k|z)?sh)$/, letters: "cIWXo", count: 0 },
  { name: /^(?:if|then|else|elif|while|until|do|!|\{)$/, letters: "", count: 0 },
];

/** `docker exec NAME`, `docker compose exec NAME`, `docker run IMAGE`. The program of `kubectl exec` follows `--`. */
const CONTAINERS = /^(?:docker|docker-compose|podman|nerdctl)$/;
const CONTAINER: Wrapper = { name: CONTAINERS, letters: "ehlmpuvw", count: 1 };

/** The long options of all wrappers that take the next word. */
const LONG =
  /^--(?:user|group|env|env-file|workdir|signal|kill-after|adjustment|unset|chdir|class|classdata|index|name|network|volume|publish|entrypoint)$/;

const VARIABLE = /^\w+\+?=/;

/** The name without its folder, extension and version: `check_mysql` for `/opt/check_mysql.pl`. */
export function programName(word: string): string {
  const name = nodePath().basename(word);
  // No program has a longer name, and a word may be very long.
  return name.length > 64 ? "" : name.replace(/\.(?:pl|py|sh|rb|exe)$/, "").replace(/[-_]?\d+(?:\.\d+)*$/, "");
}

/** The indexes of the programs, in order. */
export function programPositions(words: readonly string[]): ReadonlySet<number> {
  const found = new Set<number>();
  let at: number | undefined = 0;
  while (at !== undefined && at < words.length) {
    if (VARIABLE.test(words[at] ?? "")) at++;
    else {
      found.add(at);
      at = wrappedProgram(words, at);
    }
  }
  for (const [index, word] of words.entries()) if (word === "--" || word === "-exec") found.add(index + 1);
  return found;
}

/** The index of the program that the one at `at` runs; undefined if that is no wrapper. */
function wrappedProgram(words: readonly string[], at: number): number | undefined {
  const name = programName(words[at] ?? "");
  const exec = CONTAINERS.test(name) ? words.slice(at, at + 4).findIndex((word) => /^(?:exec|run)$/.test(word)) : 0;
  const wrapper = exec > 0 ? CONTAINER : WRAPPERS.find((one) => one.name.test(name));
  if (!wrapper) return undefined;
  let position = at + exec + 1;
  for (let count = wrapper.count; position < words.length; position++) {
    const word = words[position] ?? "";
    if (word === "--") return position + 1;
    if (LONG.test(word) || (/^-[A-Za-z]+$/.test(word) && wrapper.letters.includes(word.at(-1) ?? ""))) position++;
    else if (!(word.startsWith("-") || VARIABLE.test(word)) && count-- === 0) return position;
  }
  return undefined;
}
