// What packages install is what the program prints and reads.

import { expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { PACKAGED_CONFIG, PACKAGED_UNIT, renderPackagedUnit } from "../packaging/unit.ts";
import { ROOT } from "./support/binary.ts";
import { printed, runCommand } from "./support/command.ts";
import { needs } from "./support/needs.ts";
import { tempFolder } from "./support/temp.ts";

test("the packaged unit has not drifted (bun run docs writes it)", async () => {
  expect(await Bun.file(PACKAGED_UNIT).text()).toBe(await renderPackagedUnit());
});

test("it is what `unit` prints for the packaged config file", async () => {
  const { out } = await runCommand(["unit", "--config", PACKAGED_CONFIG]);
  // Where this checkout lies counts as well: a sandbox may hide it.
  expect(`${out}\n`).toBe(await renderPackagedUnit(PACKAGED_CONFIG));
});

test("the packaged config file is valid and gets no warning", async () => {
  expect(await runCommand(["validate", PACKAGED_CONFIG])).toEqual(printed(expect.any(String)));
});

test("what is commented out in it is good too", async () => {
  await using folder = await tempFolder();
  const text = await Bun.file(PACKAGED_CONFIG).text();
  const whole = text.replace(/^# (?=- name| {2}\w+:)/gm, "  ").replace(/^#(?=[\w-]+:)/gm, "");
  expect(whole).toContain("\n  - name: worker\n");
  expect(whole).toContain("\ndrain-delay: 30s\n");
  const file = await folder.write("health-checker.yaml", whole);
  expect(await runCommand(["validate", file])).toMatchObject({ out: expect.stringContaining("4 checks"), status: 0 });
});

const withAnalyze = await needs("systemd-analyze");

withAnalyze(
  "systemd finds nothing wrong with the packaged unit, and little exposed",
  async () => {
    await using folder = await tempFolder();
    const shown = (await Bun.file(PACKAGED_UNIT).text()).replaceAll("/usr/local/bin/health-checker", "/bin/true");
    const file = await folder.write("health-checker.service", shown);
    for (const words of [
      ["verify", "--man=no", file],
      ["security", "--offline=yes", "--no-pager", "--threshold=20", file],
    ]) {
      const child = Bun.spawn(["systemd-analyze", ...words], { stdout: "pipe", stderr: "pipe" });
      const said = await new Response(child.stderr).text();
      expect({ said, exitCode: await child.exited }).toEqual({ said: "", exitCode: 0 });
    }
  },
  20_000,
);

withAnalyze(
  "systemd-sysusers makes the user that the unit names",
  async () => {
    await using folder = await tempFolder();
    const entry = await Bun.file(join(ROOT, "packaging/health-checker.sysusers.conf")).text();
    await folder.write("usr/lib/sysusers.d/health-checker.conf", entry);
    await mkdir(join(folder.path, "etc"));
    const child = Bun.spawn(["systemd-sysusers", `--root=${folder.path}`], { stdout: "ignore", stderr: "ignore" });
    expect(await child.exited).toBe(0);
    const line = (await Bun.file(join(folder.path, "etc/passwd")).text()).trim();
    expect(line).toMatch(/^health-checker:[^:]*:\d+:\d+:health-checker:\/:\/usr\/sbin\/nologin$/);
    expect(await Bun.file(PACKAGED_UNIT).text()).toContain("\nUser=health-checker\n");
  },
  20_000,
);

withAnalyze(
  "what the unit says at its top makes the user, on a host that has no folder for it",
  async () => {
    await using folder = await tempFolder();
    await mkdir(join(folder.path, "etc"));
    const [whole] = (await Bun.file(PACKAGED_UNIT).text()).split("[Unit]");
    const commands = [...(whole ?? "").matchAll(/^# {3}(\S.*)$/gm)].map(([, command = ""]) => command);
    expect(commands.slice(-2)).toEqual(["systemctl daemon-reload", "systemctl enable --now health-checker"]);
    const script = commands
      .slice(0, -2)
      .join("\n")
      .replaceAll("/etc/", `${folder.path}/etc/`)
      .replaceAll("systemd-sysusers", `systemd-sysusers --root=${folder.path}`);
    const child = Bun.spawn(["sh", "-ec", script], { stdout: "ignore", stderr: "pipe" });
    expect({ exitCode: await child.exited, said: await new Response(child.stderr).text() }).toMatchObject({
      exitCode: 0,
    });
    expect(await Bun.file(join(folder.path, "etc/passwd")).text()).toMatch(/^health-checker:/m);
  },
  20_000,
);
