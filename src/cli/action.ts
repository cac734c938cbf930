// What a command line leads to.

import type { Options } from "../config/load.ts";
import type { Reread } from "../daemon/reload.ts";
import type { ControlCommand } from "./control/run.ts";

/**
 * A text and exit status 0 (what is unwise goes to stderr beside it), whole lines of
 * problems and exit status 2, a daemon to run, its checks to run by hand, or a command to one that runs.
 */
export type Action =
  | {
      readonly kind: "print";
      readonly text: string;
      readonly cautions?: readonly string[];
      /** Written to this file instead of stdout. */
      readonly file?: string | undefined;
      /** False where what is printed is why the exit status is 1. */
      readonly isWell?: boolean;
    }
  /** `command` has a help of its own. */
  | { readonly kind: "refuse"; readonly lines: readonly string[]; readonly command?: string }
  | { readonly kind: "serve"; readonly options: Options; readonly reread: Reread }
  | {
      readonly kind: "check";
      readonly options: Options;
      readonly json: boolean;
      /** How long to go on until the host is healthy; undefined for one round. */
      readonly waitMs: number | undefined;
    }
  | { readonly kind: "control"; readonly socket: string; readonly command: ControlCommand };
