// The sentence about a failure ends with the most useful line of the output.

import { expect, test } from "bun:test";
import { describeFailure } from "../../src/checks/describe.ts";

test.each([
  ["one\ntwo", "two"],
  ["two\n\n  \n", "two"],
  ["two\r\n\r\n", "two"],
  ["one\rtwo\r", "two"],
  ["two\n-----\n}\n", "two"],
  ["two\n\ufffd\n(captured 4096 of 5000 bytes)", "two"],
  ["two\n\u001b[0m\n", "two"],
  ["Größe\n***", "Größe"],
  ["漢字\n…", "漢字"],
  ["<html><head><title>502 Bad Gateway</title></head>\n<body></body>\n</html>\n", "502 Bad Gateway"],
  ["<html>\n</html>\n(captured 4096 of 5000 bytes)", undefined],
  ["----\n***", undefined],
  ["", undefined],
  [undefined, undefined],
])("the sentence about %j ends with its last words", (output, shown) => {
  const failure = { reason: "exit", message: "exited with status 1", ...(output !== undefined && { output }) };
  const end = shown === undefined ? "" : `; its output ends in: ${shown}`;
  expect(describeFailure(failure)).toBe(`exit: exited with status 1${end}`);
});
