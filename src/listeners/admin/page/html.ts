// Markup in which every text is safe: what is put into a template is escaped, unless it is markup itself.

import { escapeUnprintable } from "../../../text/printable.ts";

/** Markup that may be sent as it is. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

type Value = Html | string | number | readonly Html[];

/** `<b>${name}</b>`, for the content of elements and for attributes in double quotes. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  let markup = parts[0] ?? "";
  for (let index = 0; index < values.length; index++) markup += markupOf(values[index] ?? "") + parts[index + 1];
  return new Html(markup);
}

export const NOTHING = new Html("");

/** Most texts, which need no escaping: a test is quicker. */
const UNREMARKABLE = /^[\w ./:,;()*+@%=-]*$/;

/** Control characters, also those that change the direction of writing, are shown as in JSON. */
function markupOf(value: Value): string {
  if (typeof value === "string") return UNREMARKABLE.test(value) ? value : Bun.escapeHTML(escapeUnprintable(value));
  if (typeof value === "number") return String(value);
  if (value instanceof Html) return value.markup;
  let markup = "";
  for (const part of value) markup += part.markup;
  return markup;
}

/** A text that may go on in the next line after each slash, as a path or a URL. */
export const breakable = (text: string): Html => new Html(markupOf(text).replaceAll(/(?!^)\/(?=[^/])/g, "/<wbr>"));

/** The output of a program: colours are removed, lines and tabs are kept. */
export const outputOf = (text: string): Html =>
  new Html(
    Bun.stripANSI(text)
      .replaceAll(/\r\n?/g, "\n")
      .split(/([\n\t])/)
      .map((part) => (part === "\n" || part === "\t" ? part : markupOf(part)))
      .join(""),
  );

export const joined = (items: readonly Html[], separator: string): Html =>
  new Html(items.map(({ markup }) => markup).join(separator));
