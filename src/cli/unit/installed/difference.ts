// A difference between an installed unit and what is needed, and what the rules that find one are given.

import type { Limits } from "../limits.ts";
import type { Needs, Place } from "../sandbox.ts";
import type { InstalledUnit } from "./unit-file.ts";

export interface Difference {
  /** Without its equals sign. */
  readonly directive: string;
  readonly needed: string;
  /** "none" where it is not set. */
  readonly installed: string;
  /** What needs it. */
  readonly by: string;
}

export interface Wanted {
  readonly needs: Needs;
  readonly limits: Limits;
  /** How long it may take to be ready, and to stop. */
  readonly startSeconds: number;
  readonly stopSeconds: number;
  /** SIGTERM makes it drain before it stops. */
  readonly drains: boolean;
  /** Undefined where the daemon that the unit starts has none. */
  readonly controlSocket: string | undefined;
  /** Names of credentials, and of variables of the environment, that the config file takes secrets from. */
  readonly credentials: readonly string[];
  readonly variables: readonly string[];
}

export type Rule = (unit: InstalledUnit, wanted: Wanted) => readonly Difference[];

export const describePlace = ({ path, by }: Place): string => `${path} (${by})`;

export const scriptsOf = ({ scripts }: Needs): readonly string[] => scripts.map((check) => `the script of ${check}`);
