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
    String.raw`(?<file>\$\{\s*file\s*:\s*/[^}]{0,200}\}|\$\(\s*(?:cat\b|<)[^)]{0,200}\)|${"`"}cat\s[^${"`"}]{0,200}${"`"})`,
    String.raw`(?<braces>\$\{\s*(?<env>env\s*[:.]\s*)?(?<name>[A-Za-z_]\w*)\s*(?<more>(?::?[-=?+#%/^,]|[:.])[^}]{0,200})?\})`,
    // A name of a variable among capitals that may be a password itself.
    String.raw`(?<=^|[\s:/@=,;"'])(?<dollar>\$(?<bare>[A-Za-z]\w*))(?=$|[\s:/@,;"'])`,
    String.raw`(?<template>\{\{-?\s*(?<word>\.?[A-Za-z_][\w.]*)\s*(?<rest>(?:(?<=\s)["'\w.$|]|\(|\|)[^{}]{0,200})?-?\}\})`,
    String.raw`(?<perl>\$ENV\{\s*["']?(?<inPerl>[A-Za-z_]\w*)["']?\s*\})`,
    String.raw`(?<python>%\((?:ENV_)?(?<inPython>[A-Za-z_]\w*)\)s)`,
    String.raw`(?<percent>%[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+%(?![\dA-F]{2}))`,
    String.raw`(?<ruby><%=[^%]{0,200}%>)`,
    String.raw`(?<=^|[\s:/="'])(?<at>@[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+@)`,
  ].join("|"),
  "gi",
);

/** A whole value that names its source as ${…} does; only where a secret is expected, since elsewhere it may be a text. */
const BARE_SOURCE = /^(?:(?<variable>env:(?<name>[A-Za-z_]\w*))|(?<file>file:\/(?!\/)\S+))$/;

/**
 * What is plain text here and stands for something elsewhere: in a shell, in other config files, in templates. Each
 * once. `isSecret` says that a password or the like is expected.
 */
export function findForeignPlaceholders(text: string, isSecret: boolean): readonly Foreign[] {
  const found = new Map<string, Foreign>();
  const bare = isSecret ? BARE_SOURCE.exec(text)?.groups : undefined;
  if (bare?.["file"]) return [inFile(bare["file"])];
  if (bare?.["variable"]) return [variable(bare["variable"], bare["name"])];
  // A secret of ours, and what is escaped, is what it is.
  for (const { groups = {} } of text.replace(PLACEHOLDER, "\0").matchAll(FOREIGN)) {
    const foreign = foreignOf(groups);
    if (foreign) found.set(foreign.written, foreign);
  }
  return [...found.values()];
}

const variable = (written: string, name = "NAME"): Foreign => ({
  written,
  meant: `\${env:${name}} for a variable of the environment`,
});

const inFile = (written: string): Foreign => ({ written, meant: `\${file:/PATH} for what a file holds` });

type Groups = Readonly<Record<string, string | undefined>>;

function foreignOf(groups: Groups): Foreign | undefined {
  const { file, dollar, bare = "", template, word, rest, perl, python, ruby } = groups;
  const capitals = groups["percent"] ?? groups["at"];
  if (groups["braces"] !== undefined) return ofBraces(groups);
  if (file !== undefined) return inFile(file);
  if (dollar !== undefined) return isVariable(bare) ? variable(dollar, bare) : undefined;
  if (template !== undefined) return variable(rest === undefined ? template : `{{ ${word}… }}`);
  if (perl !== undefined) return variable(perl, groups["inPerl"]);
  if (python !== undefined) return variable(python, groups["inPython"]);
  if (ruby !== undefined) return variable("<%=…%>");
  return capitals !== undefined && isUpper(capitals) ? variable(capitals, capitals.slice(1, -1)) : undefined;
}

const isUpper = (name: string): boolean => name === name.toUpperCase();

/** What begins with $ may be a password: a variable is of capitals in parts, or says what it is for. */
const isVariable = (name: string): boolean =>
  (isUpper(name) && (/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test(name) || WELL_KNOWN.test(name))) ||
  ((isUpper(name) || /^[a-z_]+$/.test(name)) && /pass|pwd|token|secret|apikey/i.test(name.replaceAll("_", "")));

const WELL_KNOWN = /^(?:USER|HOME|HOST|HOSTNAME|PORT)$/;

/** What follows the name may be a secret. Where it is no default of a shell's, the whole may be one name. */
function ofBraces({ braces = "", env, name = "", more }: Groups): Foreign {
  if (more === undefined) return variable(braces, name);
  const isName = /^(?::[-=?+]|[=?+#%/^,])/.test(more) || (more.startsWith(":") && name.includes("_"));
  return variable(`\${${env ?? ""}${name}…}`, isName ? name : undefined);
}
