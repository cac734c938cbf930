// A text to the commands that a shell would run, each with its words and with where they stand. It is read once, from
// its start to its end, so that a long text takes no longer than its length asks for. A quote that is left open ends with the text.

/** A word without its quotes. */
export interface Word {
  readonly text: string;
  /** Where each of its characters stands in what was read. */
  readonly at: readonly number[];
  /** Which of its characters begin what a shell puts something else in the place of, or a redirection. */
  readonly expanding: ReadonlySet<number>;
}

export interface SimpleCommand {
  /** At least one; variables that are set and words such as `if` too. Of a command within `$(…)` only the brackets. */
  readonly words: readonly Word[];
  /** Whether it reads what the one before writes. */
  readonly isPiped: boolean;
}

interface OpenWord {
  text: string;
  readonly at: number[];
  readonly expanding: Set<number>;
}

/** What is being read: the text, or what stands within brackets or backticks. */
interface Frame {
  readonly closes: ")" | "`" | undefined;
  /** `$(…)` and backticks stand amid a word; `(…)` does not. */
  readonly isSubstitution: boolean;
  readonly commands: SimpleCommand[];
  words: Word[];
  word: OpenWord | undefined;
  isQuoted: boolean;
  isPiped: boolean;
  /** There a quote is a plain character. */
  isComment: boolean;
}

const PLAIN = /[^\\'"$`()|&;<># \t\n]+/y;
const PLAIN_QUOTED = /[^"\\$`]+/y;
const REDIRECTION = /&>>?|<<<|<<-?|[<>]&|<>|>>|>\||[<>]/y;
const SEPARATOR = /\|\||\|&|\||&&|&|;;|;|\n/y;

/** The commands of the text, what stands within `$(…)` and backticks before all else. */
export function simpleCommandsOf(text: string): readonly SimpleCommand[] {
  const substituted: SimpleCommand[][] = [];
  const open = (closes: Frame["closes"], isSubstitution: boolean, commands: SimpleCommand[]): Frame => {
    if (isSubstitution) substituted.push(commands);
    return {
      closes,
      isSubstitution,
      commands,
      words: [],
      word: undefined,
      isQuoted: false,
      isPiped: false,
      isComment: false,
    };
  };
  const commands: SimpleCommand[] = [];
  let frame = open(undefined, false, commands);
  const outer: Frame[] = [];
  let position = 0;

  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = position;
    return pattern.exec(text)?.[0];
  };
  const add = (stretch: string, start: number, expands = false) => {
    frame.word ??= { text: "", at: [], expanding: new Set() };
    const { word } = frame;
    if (expands) word.expanding.add(word.text.length);
    word.text += stretch;
    for (let index = 0; index < stretch.length; index++) word.at.push(start + index);
  };
  const endWord = () => {
    if (frame.word) frame.words.push(frame.word);
    frame.word = undefined;
  };
  const endCommand = (isPiped: boolean) => {
    endWord();
    if (frame.words.length > 0) frame.commands.push({ words: frame.words, isPiped: frame.isPiped });
    frame.words = [];
    frame.isPiped = isPiped;
  };
  const enter = (closes: ")" | "`", isSubstitution: boolean) => {
    outer.push(frame);
    frame = open(closes, isSubstitution, isSubstitution ? [] : frame.commands);
  };
  const leave = () => {
    endCommand(false);
    frame = outer.pop() ?? frame;
  };

  /** Reads what is special within double quotes too; whether there was any. */
  const readExpansion = (): boolean => {
    const sign = text[position];
    if (sign === "`" && frame.closes === "`") {
      leave();
      add(sign, position++);
    } else if (sign === "`" || (sign === "$" && text[position + 1] === "(")) {
      const opening = sign === "`" ? "`" : "$(";
      add(opening, position, true);
      position += opening.length;
      enter(sign === "`" ? "`" : ")", true);
    } else if (sign === "$") {
      add(sign, position++, true);
    } else return false;
    return true;
  };

  const readQuoted = () => {
    const plain = match(PLAIN_QUOTED);
    if (plain !== undefined) {
      add(plain, position);
      position += plain.length;
    } else if (text[position] === '"') {
      frame.isQuoted = false;
      position++;
    } else if (!readExpansion()) readEscaped('$`"\\');
  };

  /** What a backslash takes its meaning from; one before the end of a line joins the two. */
  const readEscaped = (special?: string) => {
    const next = text[position + 1] ?? "";
    if (next === "" || (special !== undefined && next !== "\n" && !special.includes(next))) {
      add("\\", position++);
      return;
    }
    if (next !== "\n") add(next, position + 1);
    position += 2;
  };

  const readUnquoted = () => {
    const plain = match(PLAIN);
    const sign = text[position] ?? "";
    if (plain !== undefined) {
      add(plain, position);
      position += plain.length;
    } else if (sign === "#" || (frame.isComment && /['"]/.test(sign))) {
      frame.isComment ||= frame.word === undefined;
      add(sign, position++);
    } else if (sign === "'") {
      const end = text.indexOf("'", position + 1);
      const stretch = text.slice(position + 1, end < 0 ? text.length : end);
      add(stretch, position + 1);
      position += stretch.length + 2;
    } else if (sign === '"') {
      add("", position++);
      frame.isQuoted = true;
    } else if (sign === "\\") readEscaped();
    else if (!readExpansion()) readOperator(sign);
  };

  const readOperator = (sign: string) => {
    const redirection = match(REDIRECTION);
    if (redirection !== undefined) {
      // A number before it says of what.
      if (!/^\d+$/.test(frame.word?.text ?? "")) endWord();
      add(redirection, position, true);
      position += redirection.length;
      return;
    }
    const separator = match(SEPARATOR);
    position += separator?.length ?? 1;
    if (separator === "\n") frame.isComment = false;
    // A pipeline goes on in the next line.
    const goesOn = separator === "\n" && frame.isPiped && frame.words.length === 0 && frame.word === undefined;
    if (separator !== undefined) endCommand(separator === "|" || separator === "|&" || goesOn);
    else if (sign === "(") {
      endCommand(frame.isPiped && frame.words.length === 0 && frame.word === undefined);
      const { isPiped } = frame;
      enter(")", false);
      frame.isPiped = isPiped;
    } else if (sign !== ")") endWord();
    else if (frame.closes !== ")") endCommand(false);
    else {
      const { isSubstitution } = frame;
      leave();
      if (isSubstitution) add(sign, position - 1);
    }
  };

  while (position < text.length) {
    if (frame.isQuoted) readQuoted();
    else readUnquoted();
  }
  while (outer.length > 0) leave();
  endCommand(false);
  return [...substituted, commands].flat();
}
