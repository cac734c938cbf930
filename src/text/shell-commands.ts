// Splits a text into the commands that a shell would run, with the position of each character of their words. The text
// is read once, so the time grows with its length alone. A quote that is not closed ends with the text.

/** A word without its quotes. */
export interface Word {
  readonly text: string;
  /** The position of each of its characters in the text. */
  readonly at: readonly number[];
  /** The indexes of its characters at which an expansion or a redirection begins. */
  readonly expanding: ReadonlySet<number>;
}

export interface SimpleCommand {
  /** At least one, assignments and words such as `if` included. A command within `$(…)` is only its brackets here. */
  readonly words: readonly Word[];
  /** Whether it reads the output of the command before it. */
  readonly isPiped: boolean;
}

interface OpenWord {
  text: string;
  readonly at: number[];
  readonly expanding: Set<number>;
}

/** The whole text, or what is within brackets or backticks. */
class Frame {
  readonly closes: ")" | "`" | undefined;
  /** `$(…)` and backticks are part of a word; `(…)` is not. */
  readonly isSubstitution: boolean;
  readonly commands: SimpleCommand[];
  isQuoted = false;
  isPiped = false;
  /** In a comment a quote is a plain character. */
  isComment = false;
  #words: Word[] = [];
  #word: OpenWord | undefined;

  constructor(closes: Frame["closes"], isSubstitution: boolean, commands: SimpleCommand[]) {
    this.closes = closes;
    this.isSubstitution = isSubstitution;
    this.commands = commands;
  }

  /** Of the word that is being read; undefined between words. */
  get wordText(): string | undefined {
    return this.#word?.text;
  }

  /** No word of the next command has been read. */
  get isBetweenCommands(): boolean {
    return this.#words.length === 0 && this.#word === undefined;
  }

  /** Appends to the word; `start` is the position of `stretch` in the text. */
  add(stretch: string, start: number, expands = false): void {
    this.#word ??= { text: "", at: [], expanding: new Set() };
    const word = this.#word;
    if (expands) word.expanding.add(word.text.length);
    word.text += stretch;
    for (let index = 0; index < stretch.length; index++) word.at.push(start + index);
  }

  endWord(): void {
    if (this.#word) this.#words.push(this.#word);
    this.#word = undefined;
  }

  /** `isPiped`: the next command reads the output of this one. */
  endCommand(isPiped: boolean): void {
    this.endWord();
    if (this.#words.length > 0) this.commands.push({ words: this.#words, isPiped: this.isPiped });
    this.#words = [];
    this.isPiped = isPiped;
  }
}

const PLAIN = /[^\\'"$`()|&;<># \t\n]+/y;
const PLAIN_QUOTED = /[^"\\$`]+/y;
const REDIRECTION = /&>>?|<<<|<<-?|[<>]&|<>|>>|>\||[<>]/y;
const SEPARATOR = /\|\||\|&|\||&&|&|;;|;|\n/y;

/** The commands of the text, those within `$(…)` and backticks before all others. */
export const simpleCommandsOf = (text: string): readonly SimpleCommand[] => new Reader(text).read();

/** Within double quotes or outside them, in the text or in a nested command. */
class Reader {
  readonly #text: string;
  #position = 0;
  readonly #substituted: SimpleCommand[][] = [];
  readonly #outer: Frame[] = [];
  #frame = new Frame(undefined, false, []);

  constructor(text: string) {
    this.#text = text;
  }

  read(): readonly SimpleCommand[] {
    while (this.#position < this.#text.length) {
      if (this.#frame.isQuoted) this.#readQuoted();
      else this.#readUnquoted();
    }
    while (this.#outer.length > 0) this.#leave();
    this.#frame.endCommand(false);
    return [...this.#substituted, this.#frame.commands].flat();
  }

  #enter(closes: ")" | "`", isSubstitution: boolean): void {
    const commands = isSubstitution ? [] : this.#frame.commands;
    if (isSubstitution) this.#substituted.push(commands);
    this.#outer.push(this.#frame);
    this.#frame = new Frame(closes, isSubstitution, commands);
  }

  #leave(): void {
    this.#frame.endCommand(false);
    this.#frame = this.#outer.pop() ?? this.#frame;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#position;
    return pattern.exec(this.#text)?.[0];
  }

  /** The next characters become part of the word. */
  #take(stretch: string, expands = false): void {
    this.#frame.add(stretch, this.#position, expands);
    this.#position += stretch.length;
  }

  #readQuoted(): void {
    const plain = this.#match(PLAIN_QUOTED);
    if (plain !== undefined) this.#take(plain);
    else if (this.#text[this.#position] === '"') {
      this.#frame.isQuoted = false;
      this.#position++;
    } else if (!this.#readExpansion()) this.#readEscaped('$`"\\');
  }

  #readUnquoted(): void {
    const frame = this.#frame;
    const plain = this.#match(PLAIN);
    const sign = this.#text[this.#position] ?? "";
    if (plain !== undefined) this.#take(plain);
    else if (sign === "#" || (frame.isComment && /['"]/.test(sign))) {
      frame.isComment ||= frame.wordText === undefined;
      this.#take(sign);
    } else if (sign === "'") this.#readSingleQuoted();
    else if (sign === '"') {
      frame.add("", this.#position++);
      frame.isQuoted = true;
    } else if (sign === "\\") this.#readEscaped();
    else if (!this.#readExpansion()) this.#readOperator(sign);
  }

  #readSingleQuoted(): void {
    const end = this.#text.indexOf("'", this.#position + 1);
    const stretch = this.#text.slice(this.#position + 1, end < 0 ? this.#text.length : end);
    this.#frame.add(stretch, this.#position + 1);
    this.#position += stretch.length + 2;
  }

  /** Reads what is special within double quotes too; false if the next character is not. */
  #readExpansion(): boolean {
    const sign = this.#text[this.#position];
    if (sign === "`" && this.#frame.closes === "`") {
      this.#leave();
      this.#take(sign);
    } else if (sign === "`") {
      this.#take(sign, true);
      this.#enter("`", true);
    } else if (sign === "$" && this.#text[this.#position + 1] === "(") {
      this.#take("$(", true);
      this.#enter(")", true);
    } else if (sign === "$") this.#take(sign, true);
    else return false;
    return true;
  }

  /** `special` lists the characters that a backslash escapes, by default all. Before a newline it joins two lines. */
  #readEscaped(special?: string): void {
    const next = this.#text[this.#position + 1] ?? "";
    if (next === "" || (special !== undefined && next !== "\n" && !special.includes(next))) {
      this.#take("\\");
      return;
    }
    if (next !== "\n") this.#frame.add(next, this.#position + 1);
    this.#position += 2;
  }

  #readOperator(sign: string): void {
    const frame = this.#frame;
    const redirection = this.#match(REDIRECTION);
    if (redirection !== undefined) {
      // A number before it is the descriptor that it redirects.
      if (!/^\d+$/.test(frame.wordText ?? "")) frame.endWord();
      this.#take(redirection, true);
      return;
    }
    const separator = this.#match(SEPARATOR);
    if (separator === undefined) {
      this.#readBracketOrBlank(sign);
      return;
    }
    this.#position += separator.length;
    if (separator === "\n") frame.isComment = false;
    // A pipeline may continue on the next line.
    const continues = separator === "\n" && frame.isPiped && frame.isBetweenCommands;
    frame.endCommand(separator === "|" || separator === "|&" || continues);
  }

  #readBracketOrBlank(sign: string): void {
    const frame = this.#frame;
    const start = this.#position++;
    if (sign === "(") {
      const isPiped = frame.isPiped && frame.isBetweenCommands;
      frame.endCommand(isPiped);
      this.#enter(")", false);
      this.#frame.isPiped = isPiped;
    } else if (sign !== ")") frame.endWord();
    else if (frame.closes !== ")") frame.endCommand(false);
    else {
      this.#leave();
      if (frame.isSubstitution) this.#frame.add(sign, start);
    }
  }
}
