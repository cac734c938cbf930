// The deb on a host with systemd: a first installation, an upgrade that refuses the config file at first, removal, purge.

import { readFile, rm, writeFile } from "node:fs/promises";
import { until } from "../../../support/until.ts";
import { claim, DRAINING, type Drill, HEALTHY, same } from "./claim.ts";
import { answers, ask, CONFIG, cgroup, mainPid, must, PROGRAM, property, run, SLOW_MS, UNIT } from "./service.ts";

/** On the second disk: the same program as two versions. */
export const DEBS = { "old.deb": "8.0.0", "new.deb": "9.0.0" };

const PACKAGED_PROGRAM = "/usr/bin/health-checker";
const PACKAGE = "health-checker";
const POLICY = "/usr/sbin/policy-rc.d";

const version = async () => (await must("dpkg-query", "--show", PACKAGE)).split("\t")[1];

/** What the other drills have installed by hand; and what kept services from starting while the root was made. */
async function removeByHand(): Promise<void> {
  await must("systemctl", "stop", UNIT);
  await must("umount", PROGRAM);
  const folders = ["/etc/systemd/system", "/run/systemd/system", "/run/systemd/system.control"];
  const units = folders.flatMap((folder) => [`${folder}/${UNIT}`, `${folder}/${UNIT}.d`]);
  for (const path of [
    ...units,
    PROGRAM,
    POLICY,
    "/etc/health-checker",
    "/etc/health-checker-native.yaml",
    "/etc/health-checker-strict.yaml",
    "/usr/lib/sysusers.d/health-checker.conf",
  ])
    await rm(path, { recursive: true, force: true });
  await must("userdel", "health-checker");
  await must("systemctl", "daemon-reload");
}

const programOf = (pid: number) => must("readlink", `/proc/${pid}/exe`);

const OWN_CHECK = "\n  - name: own\n    file: /etc/hostname\n";

export const packageDrills: readonly Drill[] = [
  {
    name: "apt installs the package, and its service answers",
    async body() {
      await removeByHand();
      // apt reads the package several times, which takes an emulated guest long: dpkg does the rest.
      await must("apt-get", "--yes", "--quiet", "install", "/mnt/old.deb");
      same("the version", await version(), DEBS["old.deb"]);
      await answers(...HEALTHY);
      same("its program", await programOf(await mainPid()), PACKAGED_PROGRAM);
      same("its unit", await property("FragmentPath"), `/lib/systemd/system/${UNIT}`);
      same("is-enabled", await must("systemctl", "is-enabled", UNIT), "enabled");
      same("its user", await must("stat", "-c", "%U", `/proc/${await mainPid()}`), "health-checker");
      claim((await must(PACKAGE, "status")).includes("disk"), "status does not show the check of the packaged config");
      await must(PACKAGE, "unit", "--check");
    },
  },
  {
    name: "an upgrade whose version refuses the config leaves the old process running, and says so",
    async body() {
      const config = await readFile(CONFIG, "utf8");
      await must(PACKAGE, "drain");
      await answers(...DRAINING);
      const before = await mainPid();
      await writeFile(CONFIG, `${config.trimEnd()}${OWN_CHECK.replace("file:", "flie:")}`);
      const { status, err } = await run("dpkg", "--install", "/mnt/new.deb");
      claim(status !== 0, "dpkg said that it went well");
      claim(err.includes(".flie: unknown key") && err.includes("not restarted, because this version refuses"), err);
      same("its main process", await mainPid(), before);
      same("its program", await programOf(before), `${PACKAGED_PROGRAM} (deleted)`);
      await answers(...DRAINING);
      await writeFile(CONFIG, `${config.trimEnd()}${OWN_CHECK}`);
    },
  },
  {
    name: "the upgrade goes on with a good config: the service is restarted, the config file and a drain are kept",
    async body() {
      const config = await readFile(CONFIG, "utf8");
      const before = await mainPid();
      await must("dpkg", "--configure", PACKAGE);
      same("the version", await version(), DEBS["new.deb"]);
      claim((await mainPid()) !== before, "it was not restarted");
      same("its program", await programOf(await mainPid()), PACKAGED_PROGRAM);
      await answers(...DRAINING);
      same("its config", await readFile(CONFIG, "utf8"), config);
      await must(PACKAGE, "undrain");
      await answers(...HEALTHY);
      claim((await must(PACKAGE, "status")).includes("own"), "status does not show the check of this host's own");
    },
  },
  {
    name: "its removal stops the service, and keeps the config file",
    async body() {
      const config = await readFile(CONFIG, "utf8");
      await must("dpkg", "--remove", PACKAGE);
      await until(async () => (await ask()) === undefined, SLOW_MS, "nobody to answer");
      same("the processes of its cgroup", await cgroup(), []);
      same("its config", await readFile(CONFIG, "utf8"), config);
    },
  },
  {
    name: "its purge leaves nothing but its user",
    async body() {
      await must("dpkg", "--purge", PACKAGE);
      const places = [
        "/etc",
        "/run",
        "/var/lib/dpkg",
        "/var/lib/systemd",
        "/usr/bin",
        "/usr/lib/systemd",
        "/usr/share/doc",
      ];
      same("what is left", await must("find", ...places, "-xdev", "-name", `*${PACKAGE}*`), "");
      same("its user", (await must("id", "-un", PACKAGE)).trim(), PACKAGE);
    },
  },
];
