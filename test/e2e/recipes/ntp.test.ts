// The recipe for the clock, on a real chronyd that leaves the host's clock alone.

import { expect } from "bun:test";
import { type Child, startChild } from "../../support/child.ts";
import { freePort, loopbackAddress } from "../../support/loopback.ts";
import { needs } from "../../support/needs.ts";
import { recipe } from "../../support/recipes.ts";
import { tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

const test = await needs("chronyd", "the Nagios plugins");

test("the plugin passes with a server that has the time, and fails with one that is gone", async () => {
  await using folder = await tempFolder();
  const host = loopbackAddress();
  const port = freePort(host);
  const config = await folder.write(
    "chrony.conf",
    `port ${port}
bindaddress ${host}
allow 127.0.0.0/8
local stratum 8
cmdport 0
bindcmdaddress /
pidfile ${folder.path}/chronyd.pid
`,
  );
  const user = process.getuid?.() === 0 ? ["-u", "root"] : ["-U"];
  await using chronyd: Child = startChild(["chronyd", "-d", "-x", ...user, "-f", config]);
  await using clock = await recipe("NTP", { "ntp.internal": `${host} -p ${port}` });

  await until(async () => (await clock.states())["clock"] === "up", 20_000, "chronyd to answer").catch((error) => {
    throw new Error([error.message, ...chronyd.out, ...chronyd.err].join("\n"));
  });
  chronyd.kill("SIGTERM");
  await chronyd.exited;
  expect(await clock.states()).toEqual({ clock: "exit" });
}, 60_000);
