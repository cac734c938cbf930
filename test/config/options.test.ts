// The table of options is in the order of the help's groups, and each option is described in whole sentences.

import { expect, test } from "bun:test";
import { OPTION_GROUPS, OPTION_NAMES, optionDef } from "../../src/config/options.ts";

test("the options are in the order of their groups, and no group is empty", () => {
  const groups = OPTION_NAMES.map((name) => optionDef(name).group);
  expect(groups.filter((group, index) => group !== groups[index - 1])).toEqual([...OPTION_GROUPS]);
});

test.each(OPTION_NAMES)("--%s is described in sentences, and its placeholder is a word", (name) => {
  const { help, value } = optionDef(name);
  expect(help).toMatch(/^[A-Z].*[^.]\.$/);
  if (value === undefined) return;
  expect(value).toMatch(/^[A-Z]{3,}(?::[A-Z]{3,})?$/);
});
