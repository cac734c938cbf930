// How a config file refers to a secret, and how a shell, a template and other config files do.

/** `$${` is a literal `${`. `${env:-x}` is a shell's, not ours. */
export const PLACEHOLDER = /\$\$\{|\$\{(file|env):(?![-=?+])([^}]*)\}/g;

/** The text with `replacement` in place of each placeholder. */
export const withoutPlaceholders = (written: string, replacement: string): string =>
  written.replace(PLACEHOLDER, (_, source: string | undefined) => (source === undefined ? "${" : replacement));

/** The files and variables that a text takes secrets from. */
export function sourcesIn(text: string): { readonly files: readonly string[]; readonly variables: readonly string[] } {
  const found = [...text.matchAll(PLACEHOLDER)];
  const namesOf = (wanted: string) => found.flatMap(([, source, name = ""]) => (source === wanted ? [name] : []));
  return { files: namesOf("file"), variables: namesOf("env") };
}

export interface ForeignPlaceholder {
  /** Only the name: what follows it may be a secret. */
  readonly written: string;
  /** What to write instead. */
  readonly instead: string;
}

const FOREIGN = new RegExp(
  [
    String.raw`(?<file>\$\{\s*file\s*:\s*/[^}]{0,200}\}|\$\(\s*(?:cat\b|<)[^)]{0,200}\)|${"`"}cat\s[^${"`"}]{0,200}${"`"})`,
    String.raw`(?<braces>\$\{\s*(?<env>env\s*[:.]\s*)?(?<name>[A-Za-z_]\w*)\s*(?<more>(?::?[-=?+#%/^,]|[:.])[^}]{0,200})?\})`,
    // $NAME, whose name foreignOf judges: a password may look like one.
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

/** A whole value such as `env:NAME`. Only where a secret is expected, since elsewhere it may be plain text. */
const BARE_SOURCE = /^(?:(?<variable>env:(?<name>[A-Za-z_]\w*))|(?<file>file:\/(?!\/)\S+))$/;

/**
 * Placeholders of shells, templates and other config files, which are plain text here. Each is returned once.
 * `isSecret`: a password or the like is expected here.
 */
export function findForeignPlaceholders(text: string, isSecret: boolean): readonly ForeignPlaceholder[] {
  const found = new Map<string, ForeignPlaceholder>();
  const bare = isSecret ? BARE_SOURCE.exec(text)?.groups : undefined;
  if (bare?.["file"]) return [fromFile(bare["file"])];
  if (bare?.["variable"]) return [fromVariable(bare["variable"], bare["name"])];
  // Our own placeholders, and `$${`, are not foreign.
  for (const { groups = {} } of text.replace(PLACEHOLDER, "\0").matchAll(FOREIGN)) {
    const foreign = foreignOf(groups);
    if (foreign) found.set(foreign.written, foreign);
  }
  return [...found.values()];
}

const fromVariable = (written: string, name = "NAME"): ForeignPlaceholder => ({
  written,
  instead: `\${env:${name}} for an environment variable`,
});

const fromFile = (written: string): ForeignPlaceholder => ({
  written,
  instead: `\${file:/PATH} for the content of a file`,
});

type Groups = Readonly<Record<string, string | undefined>>;

function foreignOf(groups: Groups): ForeignPlaceholder | undefined {
  const { file, dollar, bare = "", template, word, rest, perl, python, ruby } = groups;
  const capitals = groups["percent"] ?? groups["at"];
  if (groups["braces"] !== undefined) return inBraces(groups);
  if (file !== undefined) return fromFile(file);
  if (dollar !== undefined) return isVariable(bare) ? fromVariable(dollar, bare) : undefined;
  if (template !== undefined) return fromVariable(rest === undefined ? template : `{{ ${word}… }}`);
  if (perl !== undefined) return fromVariable(perl, groups["inPerl"]);
  if (python !== undefined) return fromVariable(python, groups["inPython"]);
  if (ruby !== undefined) return fromVariable("<%=…%>");
  return capitals !== undefined && isUpper(capitals) ? fromVariable(capitals, capitals.slice(1, -1)) : undefined;
}

const isUpper = (name: string): boolean => name === name.toUpperCase();

/** A text that begins with $ may be a password. It is a variable if it has parts in capitals, or a telling name. */
const isVariable = (name: string): boolean =>
  (isUpper(name) && (/^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/.test(name) || WELL_KNOWN.test(name))) ||
  ((isUpper(name) || /^[a-z_]+$/.test(name)) && /pass|pwd|token|secret|apikey/i.test(name.replaceAll("_", "")));

const WELL_KNOWN = /^(?:USER|HOME|HOST|HOSTNAME|PORT)$/;

/** What follows the name may be a secret. If it is no operator of a shell, the whole may be one name. */
function inBraces({ braces = "", env, name = "", more }: Groups): ForeignPlaceholder {
  if (more === undefined) return fromVariable(braces, name);
  const isName = /^(?::[-=?+]|[=?+#%/^,])/.test(more) || (more.startsWith(":") && name.includes("_"));
  return fromVariable(`\${${env ?? ""}${name}…}`, isName ? name : undefined);
}
