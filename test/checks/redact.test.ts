// No outcome shows a secret of its check, however the secret is written or cut.

import { describe, expect, test } from "bun:test";
import { redactorOf } from "../../src/checks/redact.ts";
import { runCheck } from "../../src/checks/run.ts";
import { script } from "../../src/checks/script.ts";
import { checkOf, outcomeOf } from "../support/checks.ts";
import * as fc from "../support/properties.ts";

const SECRET = 'it\'s "5%" ü/tokén';
const never = new AbortController().signal;
const sh = (text: string) => ["/bin/sh", "-c", text];

describe("what is redacted", () => {
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
    expect(redactorOf([SECRET])?.(`<${written}>`)).toBe("<***>");
  });

  test("a secret without the blanks around it", () => {
    expect(redactorOf(["  token22 \n\n"])?.("<token22>")).toBe("<***>");
  });

  test("each line of a secret with several", () => {
    expect(redactorOf(["first line\r\nsecond line\nof"])?.("second line, first line, of")).toBe("***, ***, of");
  });

  test("a part of a secret, where the text is cut", () => {
    const redact = redactorOf(["hunter2-and-more"]);
    expect(redact?.("said hunter2", "end")).toBe("said ***");
    expect(redact?.("-more was said", "start")).toBe("*** was said");
    expect(redact?.("hunter2 and -more", "nowhere")).toBe("hunter2 and -more");
  });

  test("nothing without a secret, or with one that is too short", () => {
    expect(redactorOf([])).toBeUndefined();
    expect(redactorOf(["abc", "a\nb"])).toBeUndefined();
  });
});

const utf8 = (text: string) => Buffer.from(text);
const percent = (text: string, keep: RegExp, upper = true) =>
  [...utf8(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      if (byte < 0x80 && keep.test(character)) return character;
      const hex = byte.toString(16).padStart(2, "0");
      return `%${upper ? hex.toUpperCase() : hex}`;
    })
    .join("");

/** Each encoding that docs/configuration.md lists. */
const ENCODINGS: Readonly<Record<string, (secret: string) => string>> = {
  "as it is": (secret) => secret,
  "percent, all": (secret) => percent(secret, /[^\s\S]/),
  "percent, unreserved kept": (secret) => percent(secret, /[\w.~-]/),
  "percent, small digits": (secret) => percent(secret, /[\w.~-]/, false),
  "percent, of a path": (secret) => percent(secret, /[\w.~/:@!$&'()*+,;=-]/),
  "percent, all in small letters": (secret) => percent(secret, /[\w.~-]/).toLowerCase(),
  encodeURI: (secret) => encodeURI(secret),
  encodeURIComponent: (secret) => encodeURIComponent(secret),
  "a form": (secret) => new URLSearchParams([["", secret]]).toString().slice(1),
  "a form, small digits": (secret) => percent(secret, /[\w.~ -]/, false).replaceAll(" ", "+"),
  JSON: (secret) => JSON.stringify(secret).slice(1, -1),
  "JSON with \\\\/": (secret) => JSON.stringify(secret).slice(1, -1).replaceAll("/", "\\/"),
  "JSON of ASCII": (secret) =>
    JSON.stringify(secret)
      .slice(1, -1)
      .replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
  HTML: (secret) => Bun.escapeHTML(secret),
  "HTML of ASCII": (secret) =>
    [...Bun.escapeHTML(secret)].map((one) => (one < "\x7f" ? one : `&#${one.codePointAt(0)};`)).join(""),
  "single quotes of a shell": (secret) => secret.replaceAll("'", "'\\''"),
  "backslashes of a shell": (secret) => secret.replaceAll(/[^\w\n\u0080-\uffff]/g, "\\$&"),
  "SQL, and YAML in single quotes": (secret) => secret.replaceAll("'", "''"),
  CSV: (secret) => secret.replaceAll('"', '""'),
  hex: (secret) => utf8(secret).toString("hex"),
  "hex in capitals": (secret) => utf8(secret).toString("hex").toUpperCase(),
  base64: (secret) => utf8(secret).toString("base64"),
  "base64 unpadded": (secret) => utf8(secret).toString("base64").replace(/=+$/, ""),
  base64url: (secret) => utf8(secret).toString("base64url"),
  "base64url padded": (secret) => utf8(secret).toString("base64").replaceAll("+", "-").replaceAll("/", "_"),
  "base64 of a line": (secret) => utf8(`${secret}\n`).toString("base64"),
  "base64 in a URL": (secret) => encodeURIComponent(utf8(secret).toString("base64")),
};

/** Texts of characters that some encoding changes, and others. */
const secretText = fc
  .string({ unit: fc.constantFrom(..."aZ9 !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~éß€漢😀"), minLength: 6, maxLength: 40 })
  .filter((text) => text.trim() === text);

describe("every encoding that is listed", () => {
  for (const [name, encode] of Object.entries(ENCODINGS)) {
    test(`redacts ${name}, and leaves what is around it`, () => {
      fc.assert(
        fc.property(secretText, (secret) => {
          expect(redactorOf([secret])?.(`before: ${encode(secret)} :after`)).toBe("before: *** :after");
        }),
      );
    });

    test(`redacts ${name} where its end is cut off`, () => {
      fc.assert(
        fc.property(secretText, fc.nat(), (secret, where) => {
          const whole = encode(secret);
          const redact = redactorOf([secret]);
          // At least four characters of the secret are left, however each is written.
          const least = 4 * 12;
          if (whole.length <= least) return;
          const at = least + (where % (whole.length - least));
          const begun = redact?.(`x: ${whole.slice(0, at)}`, "end") ?? "";
          expect(begun).toStartWith("x: ***");
          expect(begun.length).toBeLessThanOrEqual(6);
        }),
      );
    });
  }

  test("a text without a secret stays as it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(redactorOf(["a secret that stands nowhere"])?.(text, "nowhere")).toBe(text);
      }),
    );
  });
});

describe("a script that prints its secret", () => {
  const run = (text: string, keys = {}) =>
    outcomeOf(script, { script: sh(text), env: { TOKEN: `${"s".repeat(60)}-END` }, ...keys });
  const shows = async (text: string, keys = {}) => JSON.stringify(await run(text, keys));

  test("cut at the start of the captured output", async () => {
    expect(await shows('echo "$TOKEN"; head -c 4080 /dev/zero | tr "\\0" x; exit 1')).not.toContain("END");
  });

  test("cut at the end of a plugin's line", async () => {
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

  test("a word that a secret begins with is not redacted", async () => {
    expect(await run("echo status: fail; exit 1", { env: { MODE: "failover" } })).toMatchObject({
      output: "status: fail",
    });
  });
});

test("a secret with a quote is not shown in the target of a script that is a list", () => {
  const { target } = checkOf(script, { script: ["/bin/true", "it's-secret"] }, { secrets: ["it's-secret"] });
  expect(target).toBe("/bin/true '***'");
});

test("a fault of a probe does not show a secret", async () => {
  const faulty = { ...script, probe: () => () => Promise.reject(new Error("bad URL hunter22")) };
  const { outcome } = await runCheck(checkOf(faulty, { script: "/bin/true", env: { A: "hunter22" } }), never);
  expect(outcome).toMatchObject({ reason: "internal", message: expect.stringContaining("bad URL ***") });
});

test("a shortened text does not end with the beginning of a secret", async () => {
  const outcome = { ok: false, reason: "mismatch", message: "it said hunt…, 5 bytes", output: "and hunter2…" } as const;
  const cutting = { ...script, probe: () => async () => outcome };
  expect((await runCheck(checkOf(cutting, { script: "/bin/true", env: { A: "hunter22" } }), never)).outcome).toEqual({
    ok: false,
    reason: "mismatch",
    message: "it said ***…, 5 bytes",
    output: "and ***…",
  });
});
