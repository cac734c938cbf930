// The states of systemd units, by `systemctl show`: all checks that run at the same moment share one process.

import { type Failure, failed, isFailure } from "../../outcome.ts";
import { describeExit, type Group, StartError, startGroup } from "../../process/group.ts";
import { type Ask, coalesce } from "../../system/coalesce.ts";
import { isLacking, retryWhileLacking } from "../../system/retry.ts";

export interface UnitState {
  /** "loaded", "not-found", "masked"… */
  readonly load: string;
  /** "active", "failed"… */
  readonly active: string;
  /** The state in the words of the unit's type: "running", "exited", "auto-restart"… */
  readonly sub: string;
  /** Why it failed: "exit-code", "oom-kill"…, else "success". */
  readonly result: string;
}

/** The limit for the output about one unit; far more than enough, even for many names. */
const UNIT_BYTES = 8192;

/** The most units in one command line. */
const MAX_UNITS = 128;

/** More than one, so that a systemctl that hangs does not block later checks. */
const MAX_AT_ONCE = 4;

const TIMEOUT = failed("timeout", "systemctl did not answer");

type Env = Readonly<Record<string, string>>;
type Answer = UnitState | Failure;

const askByEnv = new WeakMap<Env, Ask<Answer>>();

/** `name` must be a full unit name. Resolves soon after `signal` aborts; never rejects. */
export function unitState(name: string, env: Env, signal: AbortSignal): Promise<Answer> {
  const ask = askByEnv.get(env) ?? askWith(env);
  askByEnv.set(env, ask);
  return ask(name, signal);
}

const askWith = (env: Env): Ask<Answer> =>
  coalesce<Answer>({
    loadAll: async (names, signal) => {
      const parts: (readonly string[])[] = [];
      for (let from = 0; from < names.length; from += MAX_UNITS) parts.push(names.slice(from, from + MAX_UNITS));
      const answers = await Promise.all(parts.map((part) => show(part, env, signal)));
      const byName = new Map(answers.flatMap((part) => [...part]));
      return (name) => byName.get(name) ?? failed("mismatch", `systemctl printed nothing about ${name}`);
    },
    onAbort: () => TIMEOUT,
    atOnce: MAX_AT_ONCE,
  });

async function show(names: readonly string[], env: Env, signal: AbortSignal): Promise<ReadonlyMap<string, Answer>> {
  const all = (answer: Answer) => new Map(names.map((name) => [name, answer]));
  const group = await start(names, env, signal);
  if (isFailure(group)) return all(group);
  const kill = () => group.kill();
  if (signal.aborted) kill();
  else signal.addEventListener("abort", kill, { once: true });
  const exit = await group.exited;
  signal.removeEventListener("abort", kill);
  if (signal.aborted) return all(TIMEOUT);
  const states = parseShow(group.stdout().text, names);
  if (exit.exitCode === 0) return states;
  const output = group.output();
  const [line = ""] = (output ?? "").split("\n", 1);
  const end = `systemctl ${describeExit(exit)}`;
  const failure = failed("unreachable", line === "" ? end : `${end}: ${line}`);
  // It may have printed some units before it failed.
  return new Map<string, Answer>([...all(failure), ...states]);
}

async function start(names: readonly string[], env: Env, signal: AbortSignal): Promise<Group | Failure> {
  const argv = [
    "systemctl",
    "show",
    "--no-pager",
    "--property=Id,Names,LoadState,ActiveState,SubState,Result",
    "--",
    ...names,
  ];
  const options = {
    env: { ...env, LC_ALL: "C", SYSTEMD_COLORS: "0" },
    onOrphan() {},
    stdoutBytes: names.length * UNIT_BYTES,
  };
  return retryWhileLacking(signal, () => {
    const group = startGroup(argv, options);
    if (!(group instanceof StartError)) return group;
    return isLacking(group.code)
      ? failed("resource", `no process or descriptor left to start systemctl (${group.code})`)
      : failed("spawn", `cannot start systemctl (${group.code}); does this host run systemd?`);
  });
}

/**
 * Parses blocks of `Property=value`, one for each unit in the order of the arguments, with an empty line between them. A
 * block belongs to the unit whose name it has; it is assigned by its position only if no block is missing.
 */
export function parseShow(text: string, asked: readonly string[]): Map<string, UnitState> {
  const blocks = text
    .split(/\n(?:[ \t]*\n)+/)
    .map(parseBlock)
    .filter((block) => block.has("ActiveState"));
  const states = new Map<string, UnitState>();
  for (const [place, name] of asked.entries()) {
    const named = blocks.find((block) => namesOf(block).includes(name));
    const block = named ?? (blocks.length === asked.length ? blocks[place] : undefined);
    if (block) states.set(name, stateOf(block));
  }
  return states;
}

function parseBlock(block: string): ReadonlyMap<string, string> {
  return new Map(
    block.split("\n").map((line): [string, string] => {
      const [, key = "", value = ""] = /^([^=]*)=(.*)$/.exec(line) ?? [];
      return [key, value.trim()];
    }),
  );
}

const namesOf = (block: ReadonlyMap<string, string>): readonly string[] => [
  block.get("Id") ?? "",
  ...(block.get("Names") ?? "").split(" ").map(unquote),
];

/** In a list, systemctl quotes names that contain a backslash. */
const unquote = (word: string): string => (/^".*"$/.test(word) ? word.slice(1, -1).replace(/\\(.)/g, "$1") : word);

const stateOf = (block: ReadonlyMap<string, string>): UnitState => ({
  load: block.get("LoadState") ?? "",
  active: block.get("ActiveState") ?? "",
  sub: block.get("SubState") ?? "",
  result: block.get("Result") ?? "",
});
