// How a secret is written in a config file, and what others write for one.

/** $${ is a plain ${. What a shell writes as ${env:-x} is none of ours. */
export const PLACEHOLDER = /\$\$\{|\$\{(file|env):(?![-=?+])([^}]*)\}/g;

/** What was written, with `standIn` for each secret. */
export const withoutPlaceholders = (written: string, standIn: string): string =>
  written.replace(PLACEHOLDER, (_, source: string | undefined) => (source === undefined ? "${" : standIn));

/** The files and the variables that a text takes secrets from. */
export function placesIn(text: string): { readonly files: readonly string[]; readonly variables: readonly string[] } {
  const found = [...text.matchAll(PLACEHOLDER)];
  const named = (wanted: string) => found.flatMap(([, source, name = ""]) => (source === wanted ? [name] : []));
  return { files: named("file"), variables: named("env") };
}

export interface Foreign {
  /** Never more than the name: what stands beside it may be a secret. */
  readonly written: string;
  /** What to write. */
  readonly meant: string;
}

const FOREIGN = new RegExp(
  [
    String.raw`(?<file>\$\{\s*file\s*:\s*/[^}]{0,200}\}|\$\(\s*(?:cat\b|<)[^)]{0,200}\))`,
    String.raw`(?<braces>\$\{\s*(?<env>env\s*[:.]\s*)?(?<name>[A-Za-z_]\w*)\s*(?<more>:?[-=?+#%/^,][^}]{0,200})?\})`,
    // A name of a variable among capitals that may be a password itself.
    String.raw`(?<=^|[\s:/@=,;"'])(?<dollar>\$(?<bare>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|TOKEN|PASSWORD|PASS|SECRET|USER|HOME|HOST|HOSTNAME|PORT))(?=$|[\s:/@,;"'])`,
    String.raw`(?<template>\{\{-?\s*\.?[A-Za-z_][\w.]*\s*-?\}\})`,
  ].join("|"),
  "gi",
);

/** What is plain text here and stands for something elsewhere: in a shell, in other config files, in templates. Each once. */
export function findForeignPlaceholders(text: string): readonly Foreign[] {
  const found = new Map<string, Foreign>();
  // A secret of ours, and what is escaped, is what it is.
  for (const { groups = {} } of text.replace(PLACEHOLDER, "\0").matchAll(FOREIGN)) {
    const foreign = foreignOf(groups);
    if (foreign) found.set(foreign.written, foreign);
  }
  return [...found.values()];
}

function foreignOf(groups: Readonly<Record<string, string | undefined>>): Foreign | undefined {
  const { braces, env, name = "", more, file, dollar, bare = "", template } = groups;
  const variable = (written: string, name: string) => ({
    written,
    meant: `\${env:${name}} for a variable of the environment`,
  });
  if (braces !== undefined) return variable(more === undefined ? braces : `\${${env ?? ""}${name}…}`, name);
  if (file !== undefined) return { written: file, meant: `\${file:/PATH} for what a file holds` };
  if (dollar !== undefined) return bare === bare.toUpperCase() ? variable(dollar, bare) : undefined;
  return template === undefined ? undefined : variable(template, "NAME");
}
