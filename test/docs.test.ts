// What the README and the docs show of a config file is a config file, and of a unit
// something that systemd takes.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { PACKAGED_UNIT } from "../packaging/unit.ts";
import { loadOptions } from "../src/config/load.ts";
import { ROOT } from "./support/binary.ts";
import { needs } from "./support/needs.ts";
import { tempFolder } from "./support/temp.ts";

const PAGES = ["README.md", "docs/checks.md", "docs/configuration.md"];

/** Files and variables of a host that is not this one. */
const SECRET = /\{(file:\/[^}]*|env:[^}]*)\}/g;

for (const page of PAGES) {
  test(`every YAML example of ${page} is accepted`, async () => {
    const text = await Bun.file(join(ROOT, page)).text();
    const blocks = [...text.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, block = ""]) => block);
    expect(blocks.length).toBeGreaterThan(0);
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

const withAnalyze = await needs("systemd-analyze");

withAnalyze(
  "systemd finds nothing wrong with the drop-ins of docs/systemd.md on the packaged unit",
  async () => {
    const text = await Bun.file(join(ROOT, "docs/systemd.md")).text();
    const dropIns = [...text.matchAll(/^```ini\n(.*?)^```$/gms)].flatMap(([, block = ""]) =>
      block.includes("[Service]") ? [block] : [],
    );
    expect(dropIns).toHaveLength(1);
    await using folder = await tempFolder();
    // It looks for the program, which is not installed here.
    const unit = (await Bun.file(PACKAGED_UNIT).text()).replaceAll("/usr/local/bin/health-checker", "/bin/true");
    const file = await folder.write("health-checker.service", unit);
    for (const [index, dropIn] of dropIns.entries()) {
      await folder.write(`health-checker.service.d/${index}.conf`, dropIn);
    }
    const verify = async () => {
      const child = Bun.spawn(["systemd-analyze", "verify", "--man=no", file], { stdout: "pipe", stderr: "pipe" });
      const said = await new Response(child.stderr).text();
      return { said, exitCode: await child.exited };
    };
    expect(await verify()).toEqual({ said: "", exitCode: 0 });
    // Drop-ins are read there: one that is wrong is told.
    await folder.write("health-checker.service.d/wrong.conf", "[Service]\nNoSuchDirective=1\n");
    expect((await verify()).said).toContain("NoSuchDirective");
  },
  20_000,
);
