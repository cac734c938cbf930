// What systemd makes of a unit file, by systemd.syntax(7), systemd.service(5) and
// systemd.unit(5). Strict: what systemd would warn of, ignore or expand is an error here.

/** A value that goes on in the next line, which begins with blanks to say so. */
const FOLD = / \\\n {2}(?=\S)/g;

/** Every value of every directive, in order, by "Section.Directive". */
export function readUnitFile(text: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  let section = "";
  for (const line of text.replaceAll(FOLD, " ").split("\n")) {
    if (/^[ \t]*(?:[#;].*)?$/.test(line)) {
      if (line.endsWith("\\")) throw new Error(`a comment that goes on in the next line: ${line}`);
      continue;
    }
    if (line.endsWith("\\")) throw new Error(`a line that goes on in the next: ${line}`);
    const header = /^\[(\w+)\]$/.exec(line);
    if (header) {
      section = header[1] ?? "";
      continue;
    }
    const [, name, value = ""] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`no directive: ${line}`);
    const key = `${section}.${name}`;
    found.set(key, [...(found.get(key) ?? []), value.trim()]);
  }
  return found;
}

const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  s: 32,
  "\\": 92,
  '"': 34,
  "'": 39,
};

/** The words of a value, quotes and C escapes taken away; then specifiers. */
export function splitWords(value: string): readonly string[] {
  const characters = [...value];
  const words: string[] = [];
  let at = 0;
  const takeEscape = (bytes: number[]) => {
    const letter = characters[at++] ?? "";
    if (letter === "x") {
      const digits = `${characters[at++]}${characters[at++]}`;
      if (!/^[0-9a-f]{2}$/i.test(digits) || digits === "00") throw new Error(`no byte: \\x${digits}`);
      bytes.push(Number.parseInt(digits, 16));
      return;
    }
    const byte = ESCAPES[letter];
    if (byte === undefined) throw new Error(`an escape that systemd does not know: \\${letter}`);
    bytes.push(byte);
  };
  while (at < characters.length) {
    if (/[ \t]/.test(characters[at] ?? "")) {
      at++;
      continue;
    }
    const bytes: number[] = [];
    let quoted: string | undefined;
    let bare = "";
    while (at < characters.length) {
      const character = characters[at] ?? "";
      if (quoted === undefined && /[ \t]/.test(character)) break;
      at++;
      if (character === "\\") takeEscape(bytes);
      else if (quoted === undefined && /["']/.test(character)) quoted = character;
      else if (character === quoted) quoted = undefined;
      else {
        if (quoted === undefined) bare += character;
        bytes.push(...Buffer.from(character));
      }
    }
    if (quoted !== undefined) throw new Error(`a quote that is not closed: ${value}`);
    if (bare === ";") throw new Error("a second command");
    words.push(
      expandSpecifiers(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))),
    );
  }
  return words;
}

function expandSpecifiers(word: string): string {
  return word.replace(/%(.?)/gsu, (_, letter: string) => {
    if (letter !== "%") throw new Error(`a specifier: %${letter} in ${word}`);
    return "%";
  });
}

/** The program and the arguments of ExecStart= or ExecReload=. */
export function commandOf(value: string): readonly string[] {
  const [program = "", ...words] = splitWords(value);
  if (!program.startsWith("/") || /["'\\]/.test(program)) throw new Error(`no path of a program: ${program}`);
  return [program, ...words.map(expandVariables)];
}

function expandVariables(word: string): string {
  return word.replace(/\$(\$?)/g, (_, second: string) => {
    if (second === "") throw new Error(`a variable in ${word}`);
    return "$";
  });
}
