// What docs/systemd.md shows is what the program prints, and what supervisord runs.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { askAt } from "../support/ask.ts";
import { binary, ROOT } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { runCommand } from "../support/command.ts";
import { blocksOf } from "../support/documents.ts";
import { freePort, loopbackAddress } from "../support/loopback.ts";
import { needs } from "../support/needs.ts";
import { supervisorConfig } from "../support/supervisor.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const PAGE = await Bun.file(join(ROOT, "docs/systemd.md")).text();
const BLOCKS = blocksOf(PAGE);

test("unit --check prints what the page shows for a unit that was printed before two checks and a drop-in", async () => {
  const shown = BLOCKS.find(({ language, text }) => language === "console" && text.includes("unit --check"));
  await using folder = await tempFolder();
  const config = await folder.write("hc.yaml", "checks: [{ tcp: 1 }]\n");
  const { out: unit } = await runCommand(["unit", "--config", config]);
  const file = await folder.write("health-checker.service", `${unit}\n`);
  await folder.write("health-checker.service.d/override.conf", "[Service]\nMemoryMax=200M\n");
  await folder.write(
    "hc.yaml",
    `checks: [{ name: ready, file: /home/app/ready }, { name: worker, process: worker }]\n`,
  );
  const { out, status } = await runCommand(["unit", "--check", file]);
  const printed = out.replaceAll(folder.path, "/etc/systemd/system");
  expect({ text: `$ health-checker unit --check\n${printed}\n`, status }).toEqual({
    text: shown?.text ?? "",
    status: 1,
  });
});

const withSupervisord = await needs("supervisord");

withSupervisord(
  "by the page's section supervisord keeps a drain over a restart",
  async () => {
    const section = BLOCKS.find(({ text }) => text.startsWith("[program:health-checker]"))?.text ?? "";
    await using folder = await tempFolder();
    const [host, checker] = [loopbackAddress(), await binary()];
    const url = `${host}:${freePort(host)}`;
    const config = await supervisorConfig(
      folder,
      `${section
        .replace("/usr/local/bin/health-checker", checker)
        .replace("--port 8080", `--listener ${url} --script true`)
        .replace(" --drain-delay 30s", "") // which the end of supervisord would wait for
        .replace("user=health-checker\n", "")
        .replaceAll("/run/health-checker", folder.path)
        .replace("/var/log", folder.path)}`,
    );
    const control = (...words: readonly string[]) =>
      endOf([checker, ...words, "--control-socket", join(folder.path, "control.sock")]);
    const supervisorctl = (...words: readonly string[]) => endOf(["supervisorctl", "-c", config, ...words]);
    const answer = async () => (await askAt(`http://${url}/`)).body;

    await using supervisord = startChild(["supervisord", "-c", config], { cwd: folder.path });
    await until(async () => supervisord.hasExited() || (await answer()) === "OK");
    expect((await control("drain")).exitCode).toBe(0);
    const before = (await supervisorctl("pid", "health-checker")).out;
    await supervisorctl("signal", "INT", "health-checker");
    await until(async () => {
      const { out } = await supervisorctl("pid", "health-checker");
      return /^[1-9]\d*$/.test(out) && out !== before;
    });
    expect(await until(answer)).toBe("Draining");
    expect((await control("undrain")).exitCode).toBe(0);
    expect(await answer()).toBe("OK");
    supervisord.kill("SIGINT");
    await supervisord.exited;
  },
  120_000,
);

async function endOf(command: readonly string[]) {
  await using child = startChild(command);
  const [exitCode] = await Promise.all([child.exited, child.ended]);
  return { exitCode, out: child.out.join("\n") };
}
