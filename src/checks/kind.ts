// What a kind of check is: the keys that a config file gives it, and its probe.

import type { Conflict, Keys, Values } from "../fields/keys.ts";
import type { Address } from "../net/address.ts";
import type { Probe } from "./check.ts";

/** What a probe is made with, beside the settings of its check. */
export interface ProbeContext {
  /** The check's name. */
  readonly name: string;
  readonly timeoutMs: number;
  /** What a script inherits. */
  readonly env: Readonly<Record<string, string>>;
  /** To be told when a run has left a process outside its group that still holds its output. */
  readonly onOrphan: () => void;
  /**
   * Takes the check's secrets out of foreign text, one that its end cuts short too, or where
   * `cut` says so its start. What a result says is rid of them anyway; who cuts a text
   * or cleans it calls this before, since half a secret is not known as one.
   */
  readonly hide: (text: string, cut?: Cut) => string;
}

/** What a run may do on the host that a sandbox would forbid. */
export type Need =
  /** Whatever the user may: it starts a program that the user chose. */
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

/** A program that each run starts. */
export interface Program {
  readonly argv: readonly string[];
  /** As the user wrote it; absent where the kind chose the program. */
  readonly text?: string;
  readonly cwd?: string | undefined;
  /** Variables on top of the daemon's own. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** Where a text may have lost a part. */
export type Cut = "start" | "end" | "nowhere";

/** `Settings` is what `keys` become. */
export interface CheckKind<Settings = unknown> {
  /** The key that makes a check one of this kind. */
  readonly name: string;
  /** What its target is, in capitals: "ADDRESS". */
  readonly value: string;
  /** When it passes, a sentence without its full stop. */
  readonly rule: string;
  /** Its own key as one writes it, for who wrote another key. */
  readonly example: string;
  /** Keys that people write for its own. */
  readonly aliases?: readonly string[];
  /** Its own key first. */
  readonly keys: Keys;
  /**
   * What no single key is wrong about: where it stands (its keys from the check down),
   * what was expected, what was got. Undefined where all is well. No text may hold a secret.
   */
  readonly conflict?: (settings: Settings) => Conflict | undefined;
  /** What is checked, as the user would write it, without secrets. */
  readonly target: (settings: Settings) => string;
  /** Where it connects to, when it does; a host name counts as another host unless it is this one's. */
  readonly peer?: (settings: Settings) => Address | undefined;
  /** What it uses itself; what a script does is not known. */
  readonly files?: (settings: Settings) => readonly UsedFile[];
  readonly program?: (settings: Settings) => Program;
  readonly needs?: readonly Need[];
  readonly resources?: Resources;
  /** True where asking the daemon's own health listener would start a round within the round. */
  readonly asksHttp?: boolean;
  /** True where the check's name reaches what is probed, so that checks of two names may do two things. */
  readonly usesName?: boolean;
  /** Texts of the settings that must never be shown. */
  readonly secrets?: (settings: Settings) => readonly string[];
  /** Those of them that its target may hold; all of them where this is not given. */
  readonly secretsOfTarget?: (settings: Settings) => readonly string[];
  /** What is unwise about the settings of a check that decides about the host; a line each. */
  readonly caution?: (settings: Settings) => readonly string[];
  /** What the settings plainly do not say what their author meant; a line each, whatever the check decides. */
  readonly doubts?: (settings: Settings) => readonly string[];
  /**
   * Made once, when the daemon starts. A kind is loaded to read its keys too, so what only a run needs is imported in
   * here: `validate` does not load it, and no run waits for it.
   */
  readonly probe: (settings: Settings, context: ProbeContext) => Probe | Promise<Probe>;
  /** What already looks wrong before the first run, a line each. */
  readonly inspect?: (settings: Settings, context: ProbeContext) => Promise<readonly string[]>;
}

/** Keys that people write for the target of a kind that connects to one. */
export const ADDRESS_ALIASES = ["port", "ports", "host", "hostname", "address", "ip"];

/** A kind whose settings are exactly what its keys become. */
export function defineKind<K extends Keys>(
  kind: Omit<CheckKind<Values<K>>, "keys"> & { readonly keys: K },
): CheckKind<Values<K>> {
  return kind;
}
