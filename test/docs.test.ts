// What the README and the docs show of a config file is a config file, and of a unit a unit.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { loadOptions } from "../src/config/load.ts";
import { ROOT } from "./support/binary.ts";
import { needs } from "./support/needs.ts";
import { tempFolder } from "./support/temp.ts";

const PAGES = ["README.md", "docs/checks.md", "docs/configuration.md", "docs/operations.md"];

/** Files and variables of a host that is not this one. */
const SECRET = /\{(file:\/[^}]*|env:[^}]*)\}/g;

for (const page of PAGES) {
  test(`every YAML example of ${page} is accepted`, async () => {
    const text = await Bun.file(join(ROOT, page)).text();
    const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = ""]) => block);
    expect(blocks.length).toBeGreaterThan(page === "docs/operations.md" ? -1 : 0);
    await using folder = await tempFolder();
    for (const block of blocks) {
      // A list of checks, a file, or some keys of one that is shown in full elsewhere.
      const shown = block.replace(SECRET, "{env:SECRET}").replace(/^#.*\n/gm, "");
      const whole = shown.startsWith("- ") ? `checks:\n${shown}` : shown;
      const file = await folder.write("example.yaml", whole);
      const options = await loadOptions({ config: [file], port: ["1"] }, { SECRET: "secret" });
      expect({ block, problems: "listener" in options ? [] : options }).toEqual({ block, problems: [] });
    }
  });
}

const withSystemd = await needs("systemctl");

withSystemd(
  "systemd finds nothing wrong with the unit of docs/operations.md",
  async () => {
    const text = await Bun.file(join(ROOT, "docs/operations.md")).text();
    const units = [...text.matchAll(/^```ini\n(.*?)^```$/gms)].flatMap(([, block = ""]) =>
      block.includes("[Service]") ? [block] : [],
    );
    expect(units).toHaveLength(1);
    await using folder = await tempFolder();
    // It looks for the program, which is not installed here.
    const shown = (units[0] ?? "").replace("/usr/local/bin/health-checker", "/bin/true");
    const file = await folder.write("health-checker.service", shown);
    const verify = Bun.spawn(["systemd-analyze", "verify", "--man=no", file], { stdout: "pipe", stderr: "pipe" });
    const said = await new Response(verify.stderr).text();
    expect({ said, exitCode: await verify.exited }).toEqual({ said: "", exitCode: 0 });
  },
  20_000,
);
