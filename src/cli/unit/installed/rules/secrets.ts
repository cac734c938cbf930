// Finds secrets that the installed unit does not hand to the daemon.

import { listFirstTwo } from "../../../../text/list.ts";
import type { Rule } from "../difference.ts";
import { describeValues, wordsOf } from "../values.ts";

const CREDENTIALS = ["LoadCredential", "LoadCredentialEncrypted", "SetCredential", "SetCredentialEncrypted"];

export const secrets: Rule = (unit, { credentials, variables }) => {
  const loaded = new Set(
    CREDENTIALS.flatMap((directive) => unit.values(directive).map(({ text }) => text.split(":")[0])),
  );
  const imported = wordsOf(unit, "ImportCredential").map((pattern) => new Bun.Glob(pattern));
  const lacking = credentials.filter((name) => !loaded.has(name) && !imported.some((glob) => glob.match(name)));
  const named = [
    ...wordsOf(unit, "Environment").map((word) => word.split("=")[0]),
    ...wordsOf(unit, "PassEnvironment"),
  ];
  // The variables in an EnvironmentFile= are unknown here.
  const unset = unit.values("EnvironmentFile").length > 0 ? [] : variables.filter((name) => !named.includes(name));
  return [
    ...lacking.map((name) => ({
      directive: "LoadCredential",
      needed: name,
      installed: describeValues(unit, "LoadCredential"),
      by: "a secret",
    })),
    ...(unset.length === 0
      ? []
      : [
          {
            directive: "EnvironmentFile",
            needed: `a file with ${listFirstTwo(unset)}`,
            installed: "none",
            by: "a secret",
          },
        ]),
  ];
};
