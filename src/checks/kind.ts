// What a kind of check is: its keys in a config file, what it needs from the host, and its probe.

import type { Conflict, Keys, Values } from "../fields/keys.ts";
import type { Address } from "../net/address.ts";
import type { Probe } from "./check.ts";

/** What a probe gets besides the settings of its check. */
export interface ProbeContext {
  /** The check's name. */
  readonly name: string;
  readonly timeoutMs: number;
  /** What a script inherits. */
  readonly env: Readonly<Record<string, string>>;
  /** Called when a run has left a process outside its group that still holds its output. */
  readonly onOrphan: () => void;
  /**
   * Redacts the check's secrets in a text of the peer or program. By default the end of the text may be missing, so that it
   * may end in a part of a secret. Outcomes are redacted anyway: a probe calls this before it shortens or cleans a text,
   * since half a secret would not be recognized afterwards.
   */
  readonly redact: (text: string, cut?: Truncated) => string;
}

/** What a run does that a sandbox could forbid. */
export type Need =
  /** Start a program of the user's choice, which may do anything. */
  | "any program"
  /** See the processes of other users. */
  | "processes"
  /** Ask systemd through the system bus. */
  | "system bus";

/** What runs use in addition to the daemon's own resources. */
export interface Resources {
  readonly perRun?: { readonly tasks: number; readonly memoryMiB: number };
  /** For all runs of all checks of the kind together. */
  readonly sharedTasks?: number;
}

/** A file or folder that a run reads or looks up. */
export interface UsedFile {
  readonly path: string;
  readonly isRead: boolean;
  /** True if the check itself tests whether it exists. */
  readonly mayBeMissing: boolean;
}

/** What the text of a key means, so that the linter knows which mistakes to look for. */
export type TextSort = "address" | "body" | "command" | "file" | "JSON values" | "process" | "sent or expected";

/** A program that each run starts. */
export interface Program {
  readonly argv: readonly string[];
  /** As the user wrote it; absent if the kind chose the program. */
  readonly text?: string;
  readonly cwd?: string | undefined;
  /** Variables in addition to the daemon's own. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** Where a part of a text may be missing. */
export type Truncated = "start" | "end" | "nowhere";

/** `Settings` are the values of its `keys`. */
export interface CheckKind<Settings = unknown> {
  /** The key that gives a check this kind. */
  readonly name: string;
  /** A placeholder for the value of its own key: "ADDRESS". */
  readonly value: string;
  /** When it passes: a sentence without a full stop. */
  readonly rule: string;
  /** Its own key as users write it, for messages about other keys. */
  readonly example: string;
  /** Keys that users write by mistake instead of its own. */
  readonly aliases?: readonly string[];
  /** Its own key first. */
  readonly keys: Keys;
  /** By key, if the meaning of its text matters. */
  readonly texts?: Readonly<Record<string, TextSort>>;
  /** A mistake in a combination of keys. */
  readonly conflict?: (settings: Settings) => Conflict | undefined;
  /** What is checked, as the user would write it; without secrets. */
  readonly target: (settings: Settings) => string;
  /** The address that it connects to, if it does. */
  readonly peer?: (settings: Settings) => Address | undefined;
  /** The files that it uses itself; what a script uses is not known. */
  readonly files?: (settings: Settings) => readonly UsedFile[];
  readonly program?: (settings: Settings) => Program;
  readonly needs?: readonly Need[];
  readonly resources?: Resources;
  /** True if its request to the daemon's own health listener would start a round within a round. */
  readonly asksHttp?: boolean;
  /** True if the probe passes on the check's name, so that checks that differ only by name may do different things. */
  readonly usesName?: boolean;
  /** The texts in the settings that must be redacted. */
  readonly secrets?: (settings: Settings) => readonly string[];
  /** Those of them that its target may contain; by default all of them. */
  readonly secretsOfTarget?: (settings: Settings) => readonly string[];
  /** Risks of a critical check with these settings; a line each. */
  readonly warningsIfCritical?: (settings: Settings) => readonly string[];
  /** Settings that probably do not mean what their author wanted, for a check of any severity; a line each. */
  readonly warnings?: (settings: Settings) => readonly string[];
  /** The same for the value of its own key. */
  readonly targetWarnings?: (settings: Settings) => readonly string[];
  /**
   * Called once, when the daemon starts. It imports what only runs need: `validate` loads a kind to read its keys and does
   * not load the rest, and no run has to wait for the import.
   */
  readonly probe: (settings: Settings, context: ProbeContext) => Probe | Promise<Probe>;
  /** Finds problems before the first run; a line each. */
  readonly inspect?: (settings: Settings, context: ProbeContext) => Promise<readonly string[]>;
}

/** Keys that users write for an address. */
export const ADDRESS_ALIASES = ["port", "ports", "host", "hostname", "address", "ip"];

/** A kind whose settings are exactly the values of its keys. */
export function defineKind<K extends Keys>(
  kind: Omit<CheckKind<Values<K>>, "keys"> & { readonly keys: K },
): CheckKind<Values<K>> {
  return kind;
}
