// How a secret is written in a config file.

/** $${ is a plain ${. What a shell writes as ${env:-x} is none of ours. */
export const PLACEHOLDER = /\$\$\{|\$\{(file|env):(?![-=?+])([^}]*)\}/g;

/** What was written, with `standIn` for each secret. */
export const withoutPlaceholders = (written: string, standIn: string): string =>
  written.replace(PLACEHOLDER, (_, source: string | undefined) => (source === undefined ? "${" : standIn));
