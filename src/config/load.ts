// Command line over file over defaults → frozen options, or every problem there is.
// Nothing below fills in a default.

import type { CheckConfig } from "../checks/build.ts";
import { KINDS, type KindName } from "../checks/index.ts";
import type { CheckKind } from "../checks/kind.ts";
import { formatDuration } from "../duration.ts";
import type { LogLevel } from "../log.ts";
import type { Address } from "../probing/address.ts";
import type { Endpoint, LoadedFile } from "./load-file.ts";
import { OPTION_NAMES, type OptionName, type OptionValue, optionDef } from "./options.ts";
import type { Path, Problem } from "./problem.ts";

/** What was given for each option, in order; the last counts where one is wanted. */
export type RawValues = Readonly<Partial<Record<string, readonly string[]>>>;

export interface Options {
  readonly listener: Address;
  /** True when nobody chose the listener. */
  readonly listenerIsDefault: boolean;
  readonly checks: readonly CheckConfig[];
  readonly endpoints: readonly Endpoint[];
  /** A request is answered by then; undefined where it may take as long as the checks do. */
  readonly deadlineMs: number | undefined;
  readonly singleflight: boolean;
  readonly maxRounds: number;
  readonly failureStatus: number;
  readonly logLevel: LogLevel;
  /** What is allowed and unwise, a line each. */
  readonly cautions: readonly string[];
}

/** The one problem that may only follow from another. */
export const NO_CHECK: Problem =
  "no check: expected at least one --port, --script or check of a --config file, got none";

const FALLBACK_TIMEOUT_MS = 5000;

/** Within the 5 s after which an ALB gives up. */
const BACKGROUND_DEADLINE_MS = 4500;

/** A result is stale when this many runs of its check are overdue. */
const STALE_INTERVALS = 3;

/** What a check says, from the file or the command line, before defaults. */
interface Wanted {
  readonly kind: CheckKind;
  readonly settings: unknown;
  readonly says: LoadedFile["checks"][number]["says"];
  /** Where it stands in the file. */
  readonly path?: Path;
}

/** `env` is what ${env:NAME} in the file stands for. */
export async function loadOptions(
  raw: RawValues,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<Options | readonly Problem[]> {
  const problems: Problem[] = [];
  const file = await loadFile(raw["config"]?.at(-1), env, problems);

  const given = readCommandLine(raw, problems);
  const option = <Name extends OptionName>(name: Name): OptionValue<Name> | undefined =>
    (given[name]?.at(-1) ?? file?.options[name]) as OptionValue<Name> | undefined;
  const all = <Name extends "port" | "script">(name: Name) =>
    [file?.options[name] ?? [], given[name] ?? []].flat() as readonly OptionValue<Name>[];
  const withDefault = <Name extends OptionName>(name: Name): OptionValue<Name> =>
    option(name) ?? (valueOfDefault(name) as OptionValue<Name>);

  const ports = all("port");
  const scripts = all("script");
  const wanted: Wanted[] = [
    ...(file?.checks ?? []),
    ...(ports.length > 0
      ? await plain(
          "tcp",
          ports.map((tcp) => ({ tcp })),
        )
      : []),
    ...(scripts.length > 0
      ? await plain(
          "script",
          scripts.map((script) => ({ script })),
        )
      : []),
  ];

  const settled = settleChecks(wanted, {
    file,
    problems,
    interval: option("interval"),
    timeouts: { tcp: option("port-timeout"), script: option("script-timeout") },
  });
  const listener = withDefault("listener");
  const scrutiny = file && (await import("./scrutiny.ts"));
  if (file) problems.push(...((await scrutiny?.findContradictions(file, settled, listener)) ?? []));
  if (wanted.length === 0 && problems.length === 0) problems.push(NO_CHECK);
  if (problems.length > 0) return problems;

  const inBackground = settled.some(({ intervalMs }) => intervalMs !== undefined);
  return Object.freeze({
    listener,
    listenerIsDefault: option("listener") === undefined,
    checks: Object.freeze(settled),
    endpoints: Object.freeze(file?.endpoints ?? []),
    deadlineMs: option("deadline") ?? (inBackground ? BACKGROUND_DEADLINE_MS : undefined),
    singleflight: option("singleflight") ?? false,
    maxRounds: withDefault("max-rounds"),
    failureStatus: withDefault("failure-status"),
    logLevel: withDefault("log-level"),
    cautions: (file && scrutiny?.findCautions(file, settled)) ?? [],
  });
}

async function loadFile(
  name: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  problems: Problem[],
): Promise<LoadedFile | undefined> {
  if (name === undefined) return undefined;
  // Loaded only for who has a file: YAML and its schema cost 30 ms at start.
  const { loadConfigFile } = await import("./load-file.ts");
  const { problems: found, ...file } = await loadConfigFile(name, env);
  problems.push(...found);
  return file.source ? { ...file, source: file.source } : undefined;
}

type Read = Partial<Record<OptionName, readonly unknown[]>>;

function readCommandLine(raw: RawValues, problems: Problem[]): Read {
  const given: Record<string, unknown[]> = {};
  for (const name of OPTION_NAMES) {
    const { field, repeatable } = optionDef(name);
    const texts = raw[name] ?? [];
    for (const text of repeatable ? texts : texts.slice(-1)) {
      const read = field.read(text);
      if ("value" in read) {
        given[name] ??= [];
        given[name].push(read.value);
      } else {
        const { expected = field.expected, hint } = read;
        problems.push(`--${name}: expected ${expected}, got ${JSON.stringify(text)}${hint ? ` (${hint})` : ""}`);
      }
    }
  }
  return given;
}

function valueOfDefault(name: OptionName): unknown {
  const { field, default: fallback } = optionDef(name);
  const read = field.read(fallback);
  if ("value" in read) return read.value;
  throw new Error(`the default of --${name} is not one of its values`);
}

/** Checks of the command line: nothing but their target. */
async function plain(name: KindName, settings: readonly unknown[]): Promise<readonly Wanted[]> {
  const kind = (await KINDS[name]()) as CheckKind;
  return settings.map((settings) => ({ kind, settings, says: {} }));
}

interface Surroundings {
  readonly file: LoadedFile | undefined;
  readonly problems: Problem[];
  readonly interval: number | undefined;
  readonly timeouts: Readonly<Partial<Record<string, number | undefined>>>;
}

function settleChecks(wanted: readonly Wanted[], around: Surroundings): readonly CheckConfig[] {
  const { file, problems, timeouts } = around;
  const defaults = file?.defaults ?? {};
  const taken = new Map<string, Path | undefined>();
  const nameOf = createNaming(wanted, taken, around);
  const refuse = (path: Path, expected: string, got: string) => {
    if (file) problems.push(file.source.problem(path, { expected, got }));
  };
  let toldDefaults = false;
  return wanted.map(({ kind, settings, says, path }) => {
    const timeoutMs = says.timeout ?? timeouts[kind.name] ?? defaults.timeout ?? FALLBACK_TIMEOUT_MS;
    const intervalMs = says.interval ?? around.interval;
    const rise = says.rise ?? defaults.rise ?? 1;
    const fall = says.fall ?? defaults.fall ?? 1;
    const ownStaleAfter = says["stale-after"];
    const staleAfterMs = ownStaleAfter ?? defaults["stale-after"] ?? STALE_INTERVALS * (intervalMs ?? 0) + timeoutMs;
    if (intervalMs === undefined) {
      for (const key of ["rise", "fall"] as const) {
        const own = says[key];
        if (path && own !== undefined && own > 1) {
          refuse([...path, key], "1 where a check has no interval and so runs only when somebody asks", String(own));
        } else if (own === undefined && (defaults[key] ?? 1) > 1 && !toldDefaults) {
          toldDefaults = true;
          refuse(
            ["defaults", key],
            "1 where a check has no interval and so runs only when somebody asks",
            String(defaults[key]),
          );
        }
      }
      if (path && ownStaleAfter !== undefined) {
        refuse([...path, "stale-after"], "an interval beside it, since without one no result is kept", "none");
      }
    } else if (staleAfterMs < intervalMs + timeoutMs) {
      const where = path && ownStaleAfter !== undefined ? [...path, "stale-after"] : ["defaults", "stale-after"];
      const least = formatDuration(intervalMs + timeoutMs);
      refuse(where, `at least the interval and the timeout together (${least})`, formatDuration(staleAfterMs));
    }
    return Object.freeze({
      kind,
      settings,
      name: nameOf(kind, settings, says.name, path),
      timeoutMs,
      rise,
      fall,
      severity: says.severity ?? defaults.severity ?? "critical",
      intervalMs,
      staleAfterMs,
      secrets: file?.secrets ?? [],
    });
  });
}

/** Names that are given are unique; of those that are not, the second "tcp 127.0.0.1:80" is "tcp 127.0.0.1:80 #2". */
function createNaming(
  wanted: readonly Wanted[],
  taken: Map<string, Path | undefined>,
  { file, problems }: Surroundings,
) {
  const chosen = new Set(wanted.map(({ says }) => says.name));
  return (kind: CheckKind, settings: unknown, name: string | undefined, path: Path | undefined): string => {
    if (name !== undefined) {
      const first = taken.get(name);
      if (taken.has(name) && file && path) {
        const where = first ? ` (also the name of checks[${String(first[1])}])` : "";
        problems.push(
          file.source.problem([...path, "name"], {
            expected: "a name of its own",
            got: `${JSON.stringify(name)}${where}`,
          }),
        );
      }
      taken.set(name, path);
      return name;
    }
    const plainName = `${kind.name} ${kind.target(settings)}`;
    let unique = plainName;
    for (let count = 2; taken.has(unique) || chosen.has(unique); count++) unique = `${plainName} #${count}`;
    taken.set(unique, path);
    return unique;
  };
}
