// What a command line leads to.

import type { Options, Problem } from "../config/load.ts";

/** A text and exit status 0, problems and exit status 2, or a daemon to run. */
export type Action =
  | { readonly kind: "print"; readonly text: string }
  | { readonly kind: "refuse"; readonly problems: readonly Problem[] }
  | { readonly kind: "serve"; readonly options: Options };
