// What a kind of check is: its keys in a config file, what it needs of the host, and its probe.

import type { Conflict, Keys, Values } from "../fields/keys.ts";
import type { Address } from "../net/address.ts";
import type { Probe } from "./check.ts";

/** What a probe is made with, besides the settings of its check. */
export interface ProbeContext {
  /** The check's name. */
  readonly name: string;
  readonly timeoutMs: number;
  /** What a script inherits. */
  readonly env: Readonly<Record<string, string>>;
  /** Called when a run has left a process outside its group that still holds its output. */
  readonly onOrphan: () => void;
  /**
   * Redacts the check's secrets in a text of the peer or program; by default one whose end may be missing, so that a
   * secret is cut in two. Results are redacted anyway: a probe calls this before it shortens or cleans a text,
   * since half a secret is not recognised afterwards.
   */
  readonly redact: (text: string, cut?: Truncated) => string;
}

/** What a run may do on the host that a sandbox would forbid. */
export type Need =
  /** Anything: it starts a program that the user chose. */
  | "any program"
  /** Look at the processes of other users. */
  | "processes"
  /** Ask systemd by the system bus. */
  | "system bus";

/** What runs take of the host on top of the daemon's own. */
export interface Resources {
  readonly perRun?: { readonly tasks: number; readonly memoryMiB: number };
  /** For all runs of all checks of the kind together. */
  readonly sharedTasks?: number;
}

/** A file or folder that a run opens, or only looks up. */
export interface UsedFile {
  readonly path: string;
  readonly isRead: boolean;
  /** True where the check itself is about whether it is there. */
  readonly mayBeMissing: boolean;
}

/** What the text of a key is, so that the linter knows what would be a mistake in it. */
export type TextSort = "address" | "body" | "command" | "file" | "JSON values" | "process" | "sent or expected";

/** A program that each run starts. */
export interface Program {
  readonly argv: readonly string[];
  /** As the user wrote it; absent where the kind chose the program. */
  readonly text?: string;
  readonly cwd?: string | undefined;
  /** Variables on top of the daemon's own. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** Where a part of a text may be missing. */
export type Truncated = "start" | "end" | "nowhere";

/** `Settings` is what its `keys` become. */
export interface CheckKind<Settings = unknown> {
  /** The key that makes a check one of this kind. */
  readonly name: string;
  /** The value of its own key, in capitals: "ADDRESS". */
  readonly value: string;
  /** When it passes, a sentence without its full stop. */
  readonly rule: string;
  /** Its own key as one writes it, for messages about other keys. */
  readonly example: string;
  /** Keys that users write instead of its own. */
  readonly aliases?: readonly string[];
  /** Its own key first. */
  readonly keys: Keys;
  /** By key; of the keys where it matters. */
  readonly texts?: Readonly<Record<string, TextSort>>;
  /** What several keys together are wrong about. */
  readonly conflict?: (settings: Settings) => Conflict | undefined;
  /** What is checked, as the user would write it, without secrets. */
  readonly target: (settings: Settings) => string;
  /** Where it connects to, if it does; a host name counts as another host unless it is this one's. */
  readonly peer?: (settings: Settings) => Address | undefined;
  /** What it uses itself; what a script does is not known. */
  readonly files?: (settings: Settings) => readonly UsedFile[];
  readonly program?: (settings: Settings) => Program;
  readonly needs?: readonly Need[];
  readonly resources?: Resources;
  /** True where a check of the daemon's own health listener would start a round within the round. */
  readonly asksHttp?: boolean;
  /** True where the probe passes on the check's name, so that two checks that differ only by name may do two things. */
  readonly usesName?: boolean;
  /** Texts of the settings that must be redacted. */
  readonly secrets?: (settings: Settings) => readonly string[];
  /** Those of them that its target may hold; all of them where this is not given. */
  readonly secretsOfTarget?: (settings: Settings) => readonly string[];
  /** Risks of a critical check with these settings; a line each. */
  readonly warningsIfCritical?: (settings: Settings) => readonly string[];
  /** Settings that probably mean something else than their author wanted, whatever the check decides; a line each. */
  readonly warnings?: (settings: Settings) => readonly string[];
  /** The same, of the value of its own key. */
  readonly targetWarnings?: (settings: Settings) => readonly string[];
  /**
   * Made once, when the daemon starts. A kind is loaded to read its keys too, so what only a run needs is imported in
   * here: `validate` does not load it, and no run waits for it.
   */
  readonly probe: (settings: Settings, context: ProbeContext) => Probe | Promise<Probe>;
  /** What is wrong before the first run; a line each. */
  readonly inspect?: (settings: Settings, context: ProbeContext) => Promise<readonly string[]>;
}

/** Keys that users write for an address. */
export const ADDRESS_ALIASES = ["port", "ports", "host", "hostname", "address", "ip"];

/** A kind whose settings are exactly what its keys become. */
export function defineKind<K extends Keys>(
  kind: Omit<CheckKind<Values<K>>, "keys"> & { readonly keys: K },
): CheckKind<Values<K>> {
  return kind;
}
