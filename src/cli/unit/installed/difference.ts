// A difference between an installed unit and what the options need, and the input of the rules that find differences.

import type { Limits } from "../limits.ts";
import type { Needs, Place } from "../sandbox.ts";
import type { InstalledUnit } from "./unit-file.ts";

export interface Difference {
  /** Without the equals sign. */
  readonly directive: string;
  readonly needed: string;
  /** "none" where it is not set. */
  readonly installed: string;
  /** What needs it. */
  readonly by: string;
}

export interface Requirements {
  readonly needs: Needs;
  readonly limits: Limits;
  /** How long the daemon may take to be ready, and to stop. */
  readonly startSeconds: number;
  readonly stopSeconds: number;
  /** The daemon drains on SIGTERM before it stops. */
  readonly drains: boolean;
  /** Undefined if the daemon has none. */
  readonly controlSocket: string | undefined;
  /** The names of credentials and environment variables that the config file takes secrets from. */
  readonly credentials: readonly string[];
  readonly variables: readonly string[];
}

export type Rule = (unit: InstalledUnit, requirements: Requirements) => readonly Difference[];

export const describePlace = ({ path, by }: Place): string => `${path} (${by})`;

export const scriptsOf = ({ scripts }: Needs): readonly string[] => scripts.map((check) => `the script of ${check}`);
