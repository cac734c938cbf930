// What is used of zod. The rest of it, such as the messages in forty languages and the compiler of schemas, stays out of
// the binary: 1 MB with its bytecode. An import of the whole keeps it in.

export {
  array,
  boolean,
  codec,
  discriminatedUnion,
  enum,
  globalRegistry,
  int,
  intersection,
  iso,
  literal,
  NEVER,
  number,
  object,
  record,
  safeParse,
  strictObject,
  string,
  toJSONSchema,
  union,
  unknown,
} from "zod";
