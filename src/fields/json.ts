// What a JSON document must contain: pointers (RFC 6901), each with its value.

import { isRecord } from "../system/json.ts";
import type { Field } from "./field.ts";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface Expected {
  readonly pointer: string;
  /** The pointer's steps. */
  readonly path: readonly string[];
  readonly value: Json;
}

/** RFC 6901; the empty pointer is the whole document. */
const POINTER = /^(?:\/(?:[^/~]|~[01])*)*$/;

export const json: Field<readonly Expected[]> = {
  expected: "JSON pointers, each with its expected value",
  json: {
    title: "mapping of JSON pointers to values",
    type: "object",
    minProperties: 1,
    propertyNames: { pattern: POINTER.source },
    examples: [{ "/status": "UP" }],
  },
  read(given) {
    if (!isRecord(given)) return {};
    const read: Expected[] = [];
    for (const [pointer, value] of Object.entries(given)) {
      if (!POINTER.test(pointer)) {
        return { expected: "a JSON pointer such as /status or /checks/0/name", path: [pointer] };
      }
      if (!isJson(value)) return { expected: "a JSON value", path: [pointer] };
      const path = pointer.split("/").slice(1);
      read.push({ pointer, path: path.map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~")), value });
    }
    return read.length === 0 ? {} : { value: read };
  },
};

function isJson(given: unknown): given is Json {
  if (given === null || typeof given === "string" || typeof given === "boolean") return true;
  if (typeof given === "number") return Number.isFinite(given);
  if (Array.isArray(given)) return given.every(isJson);
  return isRecord(given) && Object.values(given).every(isJson);
}

/** Undefined if the document contains all expected values; else a phrase such as `the body is not JSON`. */
export function findJsonMismatch(
  text: string,
  whole: boolean,
  expected: readonly Expected[],
  redact: (text: string) => string,
): string | undefined {
  if (!whole) return "the body is longer than 64 KiB, too long to be read as JSON";
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return "the body is not JSON";
  }
  for (const { pointer, path, value } of expected) {
    const name = pointer === "" ? "the JSON" : pointer;
    const found = follow(document, path);
    if (found === undefined) return `the JSON has no ${name}`;
    if (!isSame(found.value, value)) return `${name} is ${describe(found.value, redact)}, not the expected value`;
  }
  return undefined;
}

/** RFC 6901, 4. */
function follow(document: unknown, path: readonly string[]): { readonly value: unknown } | undefined {
  let value = document;
  for (const step of path) {
    if (Array.isArray(value)) {
      if (!/^(?:0|[1-9]\d{0,8})$/.test(step) || Number(step) >= value.length) return undefined;
      value = value[Number(step)];
    } else if (isRecord(value) && Object.hasOwn(value, step)) value = value[step];
    else return undefined;
  }
  return { value };
}

/** Whether two values of JSON are equal. */
export function isSame(one: unknown, other: unknown): boolean {
  if (Array.isArray(one)) {
    return (
      Array.isArray(other) && one.length === other.length && one.every((item, index) => isSame(item, other[index]))
    );
  }
  if (!isRecord(one)) return one === other;
  if (!isRecord(other)) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && isSame(one[key], other[key]))
  );
}

function describe(value: unknown, redact: (text: string) => string): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (isRecord(value)) return "an object";
  return typeof value === "string" ? JSON.stringify(shorten(redact(value))) : String(value);
}

/** A longer text of the peer is cut in a message. */
const SHOWN_CHARACTERS = 100;

export const shorten = (text: string): string =>
  text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS).toWellFormed()}…` : text;
