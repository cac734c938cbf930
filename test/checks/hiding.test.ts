// No secret of a check leaves by what is said of it, however it is written or cut.

import { describe, expect, test } from "bun:test";
import { hiding } from "../../src/checks/hiding.ts";
import { runCheck } from "../../src/checks/run.ts";
import { script } from "../../src/checks/script.ts";
import { checkOf, outcomeOf } from "../support/checks.ts";

const SECRET = 'it\'s "5%" ü/tokén';
const never = new AbortController().signal;
const sh = (text: string) => ["/bin/sh", "-c", text];

describe("what is hidden", () => {
  test.each([
    ["as it is", SECRET],
    ["in JSON", JSON.stringify(SECRET).slice(1, -1)],
    ["in JSON of ASCII", 'it\'s \\"5%\\" \\u00fc/tok\\u00e9n'],
    ["in a URL", encodeURIComponent(SECRET)],
    ["in the path of a URL", new URL(`http://localhost/${SECRET}`).pathname.slice(1)],
    ["in the query of a URL", new URL(`http://localhost/?${SECRET}`).search.slice(1)],
    ["in quotes of a shell", SECRET.replace("'", "'\\''")],
    ["in base64", Buffer.from(SECRET).toString("base64")],
  ])("a secret %s", (_, written) => {
    expect(hiding([SECRET])?.(`<${written}>`)).toBe("<***>");
  });

  test("what a program leaves of a secret that blanks surround", () => {
    expect(hiding(["  token22 \n\n"])?.("<token22>")).toBe("<***>");
  });

  test("each line of one that has several", () => {
    expect(hiding(["first line\r\nsecond line\nof"])?.("second line, first line, of")).toBe("***, ***, of");
  });

  test("a part of one, where the text is cut", () => {
    const hide = hiding(["hunter2-and-more"]);
    expect(hide?.("said hunter2", "end")).toBe("said ***");
    expect(hide?.("-more was said", "start")).toBe("*** was said");
    expect(hide?.("hunter2 and -more", "nowhere")).toBe("hunter2 and -more");
  });

  test("nothing where there is nothing, or what is too short", () => {
    expect(hiding([])).toBeUndefined();
    expect(hiding(["abc", "a\nb"])).toBeUndefined();
  });
});

describe("a script that says its secret", () => {
  const run = (text: string, keys = {}) =>
    outcomeOf(script, { script: sh(text), env: { TOKEN: `${"s".repeat(60)}-END` }, ...keys });
  const shows = async (text: string, keys = {}) => JSON.stringify(await run(text, keys));

  test("amid the start of what is kept of its output", async () => {
    expect(await shows('echo "$TOKEN"; head -c 4080 /dev/zero | tr "\\0" x; exit 1')).not.toContain("END");
  });

  test("amid the end of a plugin's line", async () => {
    const shown = await shows('printf "%270s" ""; printf x%.0s $(seq 270); echo "$TOKEN"; exit 2', { nagios: true });
    expect(shown).not.toContain("ssss");
  });

  test("with control characters in it, or blanks at its end", async () => {
    for (const TOKEN of ["left-half\u0001right-half", "left-half \t"]) {
      const shown = await shows('echo "$TOKEN"; exit 2', { env: { TOKEN } });
      expect(shown).not.toContain("half");
      expect(await shows('echo "$TOKEN"; exit 1', { env: { TOKEN }, nagios: true })).not.toContain("half");
    }
  });

  test("is not taken to say one, where it says a word with which one begins", async () => {
    expect(await run("echo status: fail; exit 1", { env: { MODE: "failover" } })).toMatchObject({
      output: "status: fail",
    });
  });
});

test("a secret with a quote is not shown in the target of a script that is a list", () => {
  const { target } = checkOf(script, { script: ["/bin/true", "it's-secret"] }, { secrets: ["it's-secret"] });
  expect(target).toBe("/bin/true '***'");
});

test("a fault of a probe does not say a secret", async () => {
  const faulty = { ...script, probe: () => () => Promise.reject(new Error("bad URL hunter22")) };
  const { outcome } = await runCheck(checkOf(faulty, { script: "/bin/true", env: { A: "hunter22" } }), never);
  expect(outcome).toMatchObject({ reason: "internal", message: expect.stringContaining("bad URL ***") });
});

test("what was cut short for people does not end with the beginning of a secret", async () => {
  const outcome = { ok: false, reason: "mismatch", message: "it said hunt…, 5 bytes", output: "and hunter2…" } as const;
  const cutting = { ...script, probe: () => async () => outcome };
  expect((await runCheck(checkOf(cutting, { script: "/bin/true", env: { A: "hunter22" } }), never)).outcome).toEqual({
    ok: false,
    reason: "mismatch",
    message: "it said ***…, 5 bytes",
    output: "and ***…",
  });
});
