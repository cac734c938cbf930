// What a command line leads to.

import type { Options } from "../config/load.ts";
import type { Reread } from "../reload.ts";

/**
 * A text and exit status 0 (what is unwise goes to stderr beside it), whole lines of
 * problems and exit status 2, a daemon to run, or its checks to run by hand.
 */
export type Action =
  | { readonly kind: "print"; readonly text: string; readonly cautions?: readonly string[] }
  | { readonly kind: "refuse"; readonly lines: readonly string[] }
  | { readonly kind: "serve"; readonly options: Options; readonly reread: Reread }
  | {
      readonly kind: "check";
      readonly options: Options;
      readonly json: boolean;
      /** How long to go on until the host is healthy; undefined for one round. */
      readonly waitMs: number | undefined;
    };
