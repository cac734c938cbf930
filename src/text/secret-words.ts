// Finds the secrets of a command line by the names that programs commonly use: what follows --password, TOKEN=,
// "Authorization: Bearer" and the like, what some programs take after an option of one letter, and the password of a URL.
// Each secret has a position, so that only that place is redacted.

import { programName, programPositions } from "./program-position.ts";
import { isSecretValue, schemeLength, surenessOf } from "./secret-names.ts";
import { OPTIONS, type ProgramOption } from "./secret-options.ts";
import { type Place, placesOf, placesWithin } from "./secret-pairs.ts";
import { simpleCommandsOf, type Word } from "./shell-commands.ts";

/** A part of a text. */
interface Secret {
  readonly start: number;
  readonly end: number;
  /** Without quotes and backslashes of a shell. */
  readonly value: string;
}

/** How many levels of commands within words, as after `sh -c`, are searched. */
const DEPTH = 3;

/** The secrets of a command, each once and not empty, to redact them in the output of the program. */
export const secretWords = (argv: readonly string[]): readonly string[] => [
  ...new Set(secretsByWord(argv).flatMap((secrets) => secrets.flatMap(({ value }) => [value, withoutEnd(value)]))),
];

/** The words as typed in a shell, with *** for each secret; undefined if there is no secret. */
export function withoutSecretWords(argv: readonly string[]): string | undefined {
  const found = secretsByWord(argv);
  if (found.every(({ length }) => length === 0)) return undefined;
  const values = new Set(found.flatMap((secrets) => secrets.map(({ value }) => value)));
  // No word of a command has a zero byte.
  return argv
    .map((word, index) => withoutValues(redact(word, found[index] ?? [], "\0"), values))
    .map((word) => quoteWord(word).replaceAll("\0", "***"))
    .join(" ");
}

/** A secret is redacted at its other places too, if it is a whole piece there. A short one may match by chance. */
const withoutValues = (text: string, values: ReadonlySet<string>): string =>
  text.replaceAll(BY_ITSELF, (piece) => (piece.length >= SHORTEST && values.has(piece) ? "\0" : piece));

const BY_ITSELF = /[^\s"'`=:;,&|()<>]+/g;

const SHORTEST = 4;

/** Any text, such as a command or a word of one, with *** for each secret. */
export const withoutSecretsOfText = (text: string): string => redact(text, secretsByWord([text])[0] ?? [], "***");

/** As typed in a shell. */
export const quoteWord = (word: string): string =>
  /^[\w./:@%+=,\0-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

function redact(text: string, secrets: readonly Secret[], sign: string): string {
  const pieces: string[] = [];
  let position = 0;
  for (const { start, end } of secrets.toSorted((one, other) => one.start - other.start || other.end - one.end)) {
    if (start >= position) pieces.push(text.slice(position, start), sign);
    position = Math.max(position, end);
  }
  return [...pieces, text.slice(position)].join("");
}

/** The value without closing brackets, quotes and separators, which may belong to the text after it. */
function withoutEnd(value: string): string {
  let end = value.length;
  while (end > 1 && ",;)}]\"'".includes(value[end - 1] ?? "")) end--;
  return value.slice(0, end);
}

const NOTHING: ReadonlySet<number> = new Set();

/** No shell expands the words themselves: a dollar in them is a dollar. */
const secretsByWord = (argv: readonly string[]): readonly (readonly Secret[])[] =>
  secretsOfCommand(
    argv.map((text) => ({ text, expanding: NOTHING })),
    DEPTH,
  );

type ReadWord = Pick<Word, "text" | "expanding">;

function secretsOfCommand(words: readonly ReadWord[], depth: number): readonly (readonly Secret[])[] {
  const found: Secret[][] = words.map(() => []);
  const add = (index: number, place: Place) => {
    const word = words[index];
    if (!word) return;
    const { start, end } = word.expanding.has(place.start) ? afterVariable(word.text, place) : place;
    if (start < end) found[index]?.push({ start, end, value: word.text.slice(start, end) });
  };
  const texts = words.map(({ text }) => text);
  const programs = programPositions(texts);
  const passwords = passwordsOfUsers(texts, programs);
  let known: readonly ProgramOption[] = [];
  let takesFiles = false;
  for (const [index, { text }] of words.entries()) {
    const before = words[index - 1]?.text ?? "";
    const next = words[index + 1]?.text ?? "";
    const isProgram = TAKES_PROGRAM.test(before);
    const meaning = { isProgram, isHeader: TAKES_HEADER.test(before), takesFiles };
    for (const place of placesWithin(text, meaning)) add(index, place);
    if (depth > 0 && (isProgram || /[ \t\n]/.test(text))) {
      for (const secret of secretsOfText(text, depth - 1)) found[index]?.push(secret);
    }

    if (programs.has(index)) known = optionsOf(programName(text));
    const option = known.find((one) => one.option.test(text));
    takesFiles = option?.takesFiles ?? false;
    const from = option?.option.exec(text)?.[0].length ?? 0;
    if (option && from < text.length) {
      for (const { start, end } of placesOf(option.secret, text.slice(from))) {
        add(index, { start: from + start, end: from + end });
      }
    } else if (OPTION.test(next)) continue;
    else if (passwords.has(index + 1)) add(index + 1, { start: 0, end: next.length });
    else if (option) {
      const at = option.takesUser && words.length > index + 2 ? index + 2 : index + 1;
      for (const place of placesOf(option.secret, texts[at] ?? "")) add(at, place);
    } else if ((NAMED_OPTION.test(text) || /^set$/i.test(before)) && isSecretValue(next, text)) {
      add(index + 1, { start: schemeLength(text, next), end: next.length });
    }
  }
  return found;
}

/** The part of a place that is not a variable: `$NAME-SECRET`, `${NAME:-SECRET}`. */
function afterVariable(text: string, { start, end }: Place): Place {
  const value = text.slice(start, end);
  const head = (/^\$\{\w+:?[-=]/.exec(value) ?? /^(?:\$\w+\b|\$\{\w+\})[-_:]?(?=[\w+=-]{4})/.exec(value))?.[0] ?? value;
  const rest = /^[^}$`]*/.exec(value.slice(head.length))?.[0] ?? "";
  return { start: start + head.length, end: start + head.length + rest.length };
}

/** The indexes of the words after `-p` of any program that also has an option for a user. */
function passwordsOfUsers(words: readonly string[], programs: ReadonlySet<number>): ReadonlySet<number> {
  const found = new Set<number>();
  let hasUser = false;
  let candidates: number[] = [];
  let program = "";
  for (let index = 0; index <= words.length; index++) {
    const word = words[index] ?? "";
    if (index === words.length || programs.has(index)) {
      if (hasUser && !OTHER_OPTIONS.test(program)) for (const candidate of candidates) found.add(candidate);
      hasUser = false;
      candidates = [];
      program = programName(word);
    }
    const next = words[index + 1] ?? "-";
    if (USER.test(word)) hasUser ||= word.includes("=") || !next.startsWith("-");
    if (/^-[pP]$/.test(word) && !NO_PASSWORD.test(next)) candidates.push(index + 1);
  }
  return found;
}

const USER = /^(?:-[uU]|--user(?:name)?(?:=.*)?)$/;

/** A number, a published port, a path, a URL or an option. */
const NO_PASSWORD = /^[\d.:,-]*$|^[-/]|^\.{1,2}\/|:\/\/|^\d+:\d+\/\w+$/;

/** For these `-u` is a unit, and `-p` a priority or a property. */
const OTHER_OPTIONS = /^(?:journalctl|system[a-z-]+)$/;

const optionsOf = (program: string): readonly ProgramOption[] => OPTIONS.filter((one) => one.program.test(program));

/** Options whose value is a text for a shell or another interpreter, or a header. */
const TAKES_PROGRAM = /^(?:-[a-zA-Z]*c|--command)$/;
const TAKES_HEADER = /^(?:-[a-zA-Z]*H|--(?:proxy-)?header)$/;

const OPTION = /^(?:-[a-zA-Z]$|--)/;

/** An option with a name, in the form of Windows too. */
const NAMED_OPTION = /^(?:-{1,2}[A-Za-z][\w.-]+|\/(?:password|passwd|pass|pwd))$/i;

/** The secrets of a text that is read as commands of a shell. */
function secretsOfText(text: string, depth: number): readonly Secret[] {
  const found: Secret[] = [];
  const commands = simpleCommandsOf(text);
  for (const [index, { words }] of commands.entries()) {
    const next = commands[index + 1];
    const written = next?.isPiped && readsSecretFromStdin(next.words) ? secretsWritten(words) : [];
    const given = readsSecretFromStdin(words) ? hereStrings(words) : [];
    for (const [at, secrets] of [secretsOfCommand(words, depth), written, given].flatMap((some) => [
      ...some.entries(),
    ])) {
      for (const { start, end, value } of secrets) {
        const positions = words[at]?.at ?? [];
        found.push({ start: positions[start] ?? 0, end: (positions[end - 1] ?? 0) + 1, value });
      }
    }
  }
  return found;
}

/** `docker login --password-stdin`, `sudo -S` and the like. */
const readsSecretFromStdin = (words: readonly Word[]): boolean =>
  words.some(({ text }) => text.endsWith("-stdin") && surenessOf(text.slice(0, -"-stdin".length)) !== undefined) ||
  (words[0]?.text === "sudo" && words[1]?.text === "-S");

/** What follows `<<<`, with a blank or without. */
const hereStrings = (words: readonly Word[]): readonly (readonly Secret[])[] =>
  words.map(({ text, expanding }, index) => {
    const start = expanding.has(0) && text.startsWith("<<<") ? "<<<".length : 0;
    const isGiven = start > 0 || words[index - 1]?.text === "<<<";
    if (!isGiven || start === text.length || expanding.has(start)) return [];
    return [{ start, end: text.length, value: text.slice(start) }];
  });

/** The arguments of `echo` and `printf` that are no options and no formats. */
function secretsWritten([program, ...words]: readonly Word[]): readonly (readonly Secret[])[] {
  if (!/^(?:echo|printf)$/.test(programName(program?.text ?? ""))) return [];
  const isWritten = ({ text, expanding }: Word) => text !== "" && !/^-|%s/.test(text) && !expanding.has(0);
  return [[], ...words.map((word) => (isWritten(word) ? [{ start: 0, end: word.text.length, value: word.text }] : []))];
}
