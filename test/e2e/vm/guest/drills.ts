// What is tried on a booted host, in this order: each leaves the daemon running and healthy, until it is stopped at the end.
// Then the package is tried.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { until } from "../../../support/until.ts";
import { claim, DRAINING, type Drill, HEALTHY, same, UNHEALTHY } from "./claim.ts";
import { packageDrills } from "./package-drills.ts";
import {
  answers,
  ask,
  CONFIG,
  cgroup,
  journal,
  journalEnd,
  journalHas,
  mainPid,
  must,
  PROGRAM,
  property,
  run,
  SLOW_MS,
  systemctl,
  UNIT,
} from "./service.ts";
import {
  CHECKS,
  checkCount,
  config,
  DETACHED,
  DRAIN_DELAY_MS,
  FIRST_RESULT_MS,
  installUnit,
  lower,
  nativeConfig,
  nativeKinds,
  raise,
  serversListen,
  setTheStage,
  strictConfig,
  unitOf,
  writeConfig,
} from "./stage.ts";

/** After a restart: it is another process, it runs, and it answers; with what needs no round of its own. */
async function hasRestarted(before: number): Promise<void> {
  const isNew = async () => {
    return (await mainPid()) !== before && (await property("ActiveState")) === "active";
  };
  await until(isNew, SLOW_MS, "another main process");
  await answers(...HEALTHY, "/tcp");
}

export const drills: readonly Drill[] = [
  {
    name: "the processor is an old one, without AVX",
    async body() {
      const info = await readFile("/proc/cpuinfo", "utf8");
      const flags = /^flags\s*: (.*)$/m.exec(info)?.[1]?.split(" ") ?? [];
      same("what it has", { sse42: flags.includes("sse4_2"), avx: flags.includes("avx") }, { sse42: true, avx: false });
    },
  },
  {
    name: "the unit that the program prints is one that systemd has nothing to say of",
    async body() {
      await setTheStage();
      const { status, out, err } = await run("systemd-analyze", "verify", `/etc/systemd/system/${UNIT}`);
      same("systemd-analyze verify", { status, out, err }, { status: 0, out: "", err: "" });
    },
  },
  {
    name: "servers for every kind of check run",
    body: serversListen,
  },
  {
    name: "systemctl start waits for READY, so for a first result that takes 3 s",
    async body() {
      await writeFile(
        "/etc/systemd/system/drill-after.service",
        `[Unit]\nAfter=${UNIT}\nRequires=${UNIT}\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'systemctl is-active ${UNIT} >/run/drill/after; true'\n`,
      );
      await must("systemctl", "daemon-reload");
      await must("systemctl", "start", "drill-after.service");
      same(
        "the state in which what is ordered after it found it",
        (await readFile("/run/drill/after", "utf8")).trim(),
        "active",
      );
      const usec = async (name: string, unit?: string) => Number(await property(`${name}TimestampMonotonic`, unit));
      const tookMs = ((await usec("ActiveEnter")) - (await usec("ExecMainStart"))) / 1000;
      claim(tookMs >= FIRST_RESULT_MS, `it was active after ${tookMs} ms`);
      claim(
        (await usec("ExecMainStart", "drill-after.service")) >= (await usec("ActiveEnter")),
        "the other unit came first",
      );
      const lines = await journal();
      const up = lines.find(({ message }) => message.startsWith("check is up check=slow"));
      const started = lines.find(({ message, from }) => from === "systemd" && message.startsWith("Started "));
      claim(
        up !== undefined && started !== undefined && up.at <= started.at,
        "it was started before the result was there",
      );
      // From the next start on it takes no longer than it must.
      await writeConfig(config());
    },
  },
  {
    name: "it is active and healthy, and its lines in the journal bear its name",
    async body() {
      same("state", await property("ActiveState"), "active");
      await answers(...HEALTHY);
      same("those who wrote", [...new Set((await journal()).map(({ from }) => from))].sort(), [
        "health-checker",
        "systemd",
      ]);
    },
  },
  {
    name: "systemctl status shows the STATUS line",
    async body() {
      const line = `Status: "healthy, ${checkCount} of ${checkCount} up"`;
      let shown = "";
      await until(
        async () => {
          shown = (await run("systemctl", "status", "--no-pager", UNIT)).out;
          return shown.includes(line);
        },
        SLOW_MS,
        line,
      ).catch((error) => {
        throw new Error(`${error.message}: ${shown}`);
      });
    },
  },
  {
    name: "it runs as its user, with no capability, no way to new privileges, and a filter of system calls",
    async body() {
      const status = await readFile(`/proc/${await mainPid()}/status`, "utf8");
      const field = (name: string) => new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(status)?.[1];
      const uid = await must("id", "-u", "health-checker");
      same(
        "its process",
        {
          uid: field("Uid"),
          effective: field("CapEff"),
          bounding: field("CapBnd"),
          noNew: field("NoNewPrivs"),
          seccomp: field("Seccomp"),
        },
        { uid, effective: "0000000000000000", bounding: "0000000000000000", noNew: "1", seccomp: "2" },
      );
    },
  },
  ...Object.keys(CHECKS).map((kind) => ({
    name: `the sandbox lets ${kind} checks work`,
    body: async () => {
      const answer = await ask(`/${kind}`);
      if (answer?.status === 200) return;
      const lines = (await journal()).filter(({ message }) => message.includes(` check=${kind} `));
      throw new Error(`${answer?.status} ${answer?.body}: ${lines.at(-1)?.message}`);
    },
  })),
  {
    name: "the journal has one line a transition with its priority",
    async body() {
      const cursor = await journalEnd();
      await must("systemctl", "stop", unitOf("redis"));
      await answers(...UNHEALTHY, "/tcp");
      await answers(...UNHEALTHY, "/redis");
      await answers(...UNHEALTHY);
      // The first failure answers; the other checks run on to theirs.
      for (const name of ["tcp", "redis", "systemd"]) {
        await journalHas(new RegExp(`^check is down check=${name} `), cursor);
      }
      await must("systemctl", "start", unitOf("redis"));
      await answers(...HEALTHY, "/redis");
      await answers(...HEALTHY);
      const changes = (name: string) => (lines: Awaited<ReturnType<typeof journal>>) =>
        lines
          .filter(({ message }) => message.startsWith("check is ") && message.includes(` check=${name} `))
          .map(({ message, priority }) => `${priority} ${/^check is [a-z ]+(?= check=)/.exec(message)?.[0]}`);
      const lines = await journal(cursor);
      for (const name of ["tcp", "redis", "systemd"])
        same(`the lines of ${name}`, changes(name)(lines), ["4 check is down", "6 check is up"]);
      const verdicts = lines.filter(({ message }) => message.startsWith("host is "));
      same(
        "the lines of the host",
        verdicts.map(({ message, priority }) => `${priority} ${message.split(" ").slice(0, 3).join(" ")}`),
        ["4 host is unhealthy", "6 host is healthy"],
      );
      same(
        "the errors",
        lines.filter(({ priority }) => priority <= 3),
        [],
      );
    },
  },
  {
    name: "a script that is killed for want of memory does not stop the daemon",
    async body() {
      const before = await mainPid();
      const cursor = await journalEnd();
      // Less than the guest has, which the unit's own bound need not be.
      await must("systemctl", "set-property", "--runtime", UNIT, "MemoryMax=200M");
      await raise("hungry");
      try {
        await answers(...UNHEALTHY, "/hungry");
      } finally {
        await lower("hungry");
      }
      const line = await journalHas(/^check is down check=hungry /, cursor);
      claim(line.message.includes(" reason=signal "), line.message);
      const events = await readFile(`/sys/fs/cgroup/system.slice/${UNIT}/memory.events`, "utf8");
      claim(/^oom_kill [1-9]/m.test(events), `it was not the cgroup's memory that ran out: ${events}`);
      await answers(...HEALTHY, "/hungry");
      same("its main process", await mainPid(), before);
      same("its state", [await property("ActiveState"), await property("Result")], ["active", "success"]);
    },
  },
  {
    name: "kill -9 is answered by a restart",
    async body() {
      const before = await mainPid();
      await must("kill", "-9", String(before));
      await hasRestarted(before);
      same("the restarts", await property("NRestarts"), "1");
    },
  },
  {
    name: "systemctl reload takes a good config without a restart",
    async body() {
      const before = await mainPid();
      await writeConfig(config({ added: { file: "/no/such/file", severity: "endpoint" } }));
      await systemctl("reload");
      await answers(...UNHEALTHY, "/added");
      await answers(...HEALTHY);
      await answers(...HEALTHY, "/redis");
      await writeConfig(config());
      await systemctl("reload");
      await answers(...HEALTHY);
      same("its main process", await mainPid(), before);
      same("its state", await property("ActiveState"), "active");
    },
  },
  {
    name: "systemctl reload fails with a config that would turn the host unhealthy, which changes nothing",
    async body() {
      await writeConfig(config({ added: { file: "/no/such/file" } }));
      const { status } = await run("systemctl", "reload", UNIT);
      await writeConfig(config());
      claim(status !== 0, "systemctl reload said that it went well");
      await answers(...HEALTHY);
      await systemctl("reload");
    },
  },
  {
    name: "systemctl reload fails with a bad config, which changes nothing and is in the journal",
    async body() {
      const before = await mainPid();
      const cursor = await journalEnd();
      await writeConfig(config({ bad: { tcp: "no-port-at-all" } }));
      const { status } = await run("systemctl", "reload", UNIT);
      await writeConfig(config());
      claim(status !== 0, "systemctl reload said that it went well");
      const line = await journalHas(/checks\[\d+\]\.tcp: expected /, cursor);
      claim(line.from === "health-checker" ? line.priority <= 4 : true, `its priority is ${line.priority}`);
      const own = (await journal(cursor)).filter(({ from, priority }) => from === "health-checker" && priority <= 4);
      claim(
        own.some(({ pid }) => pid === before),
        "the daemon itself said nothing of it",
      );
      await answers(...HEALTHY);
      same("its main process", await mainPid(), before);
      same("its state", await property("ActiveState"), "active");
      await systemctl("reload");
    },
  },
  {
    name: "systemctl restart does not drain",
    async body() {
      const before = await mainPid();
      const cursor = await journalEnd();
      let over = false;
      const restart = systemctl("restart").finally(() => (over = true));
      const bodies = new Set<string | undefined>();
      while (!over) bodies.add((await ask())?.body);
      await restart;
      await hasRestarted(before);
      claim(!bodies.has("Draining"), "an answer was Draining");
      const stopping = await journalHas(/^stopping /, cursor);
      const stopped = await journalHas(/^stopped/, cursor);
      claim(stopping.message.includes("signal=SIGINT"), stopping.message);
      const between = (await journal(cursor)).filter(({ at }) => at >= stopping.at && at <= stopped.at);
      claim(!between.some(({ message }) => message.startsWith("draining")), "it drained");
    },
  },
  {
    name: "a drained daemon stays drained over a restart and a kill -9, until it is undrained",
    async body() {
      await must(PROGRAM, "drain");
      await answers(...DRAINING);
      await systemctl("restart");
      await answers(...DRAINING);
      const before = await mainPid();
      await must("kill", "-9", String(before));
      await until(async () => (await mainPid()) !== before, SLOW_MS, "another main process");
      await answers(...DRAINING);
      const told = async () => (await run("systemctl", "status", "--no-pager", UNIT)).out.includes('Status: "drain');
      await until(told, SLOW_MS, "systemctl status to say so");
      await must(PROGRAM, "undrain");
      await answers(...HEALTHY);
    },
  },
  {
    name: "a drain saved in another boot is not in force",
    async body() {
      await must(PROGRAM, "drain");
      await answers(...DRAINING);
      const boot = (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
      const folder = "/run/health-checker";
      let changed = 0;
      for (const name of (await readdir(folder)).filter((name) => name.endsWith(".json"))) {
        const file = Bun.file(`${folder}/${name}`);
        const text = await file.text().catch(() => "");
        if (!text.includes(boot)) continue;
        await writeFile(`${folder}/${name}`, text.replaceAll(boot, boot.replaceAll(/[0-9a-f]/g, "0")));
        changed++;
      }
      same("the files that name this boot", changed, 1);
      const cursor = await journalEnd();
      await systemctl("restart");
      await answers(...HEALTHY, "/tcp");
      const lines = (await journal(cursor)).filter(({ from, priority }) => from === "health-checker" && priority <= 4);
      claim(
        lines.some(({ message }) => message.includes("boot")),
        `the journal does not say so: ${JSON.stringify(lines)}`,
      );
    },
  },
  {
    name: "a daemon whose loop is blocked is ended by the watchdog, and restarted",
    async body() {
      const folder = `/run/systemd/system/${UNIT}.d`;
      await mkdir(folder, { recursive: true });
      await writeFile(`${folder}/watchdog.conf`, "[Service]\nWatchdogSec=8\n");
      await must("systemctl", "daemon-reload");
      await systemctl("restart");
      await answers(...HEALTHY, "/tcp");
      const before = await mainPid();
      const cursor = await journalEnd();
      same("the restarts while nothing blocked it", await property("NRestarts"), "0");
      await must("kill", "-STOP", String(before));
      await hasRestarted(before);
      const line = await journalHas(/Watchdog timeout/, cursor);
      claim(line.from === "systemd", line.from);
      same("the restarts", await property("NRestarts"), "1");
    },
  },
  {
    name: "systemctl stop drains, and leaves no process: neither its own nor what a script detached",
    async body() {
      await raise("detaching");
      await answers(...HEALTHY, "/detaching");
      await lower("detaching");
      const detached = async () =>
        (await run("pgrep", "-xf", DETACHED.join(" "))).out.split("\n").filter(Boolean).map(Number);
      const [stray] = await until(
        async () => ((await detached()).length > 0 ? detached() : undefined),
        SLOW_MS,
        "the detached process",
      );
      claim((await cgroup()).includes(stray ?? 0), "it is not in the cgroup");

      const cursor = await journalEnd();
      const start = performance.now();
      await systemctl("stop", "--no-block");
      await answers(...DRAINING);
      claim((await property("ActiveState")) === "deactivating", "it is not deactivating");
      let lastAnswerMs = 0;
      for (;;) {
        const answer = await ask();
        if (!answer) break;
        same("an answer while it drains", [answer.status, answer.body], DRAINING);
        lastAnswerMs = performance.now() - start;
      }
      await until(async () => (await property("ActiveState")) === "inactive", SLOW_MS, "it to be inactive");
      claim(lastAnswerMs > DRAIN_DELAY_MS / 2, `it answered for ${lastAnswerMs} ms`);
      const stopping = await journalHas(/^stopping /, cursor);
      const stopped = await journalHas(/^stopped/, cursor);
      claim(stopped.at - stopping.at >= DRAIN_DELAY_MS, `it stopped after ${stopped.at - stopping.at} ms`);
      same("its result", await property("Result"), "success");
      same("the processes of its cgroup", await cgroup(), []);
      same("the detached processes", await detached(), []);
      same("the control socket and the like", await readdir("/run/health-checker").catch(() => []), []);
    },
  },
  {
    name: "without scripts the unit is stricter, and every kind works in it",
    async body() {
      const file = "/etc/health-checker-native.yaml";
      await writeFile(file, nativeConfig());
      await installUnit(file);
      // In tenths.
      const { status, out } = await run("systemd-analyze", "security", "--no-pager", "--threshold=20", UNIT);
      claim(status === 0, `systemd-analyze security: ${out.split("\n").at(-1)}`);
      await systemctl("start");
      for (const kind of nativeKinds) await answers(...HEALTHY, `/${kind}`);
      await answers(...HEALTHY);
    },
  },
  {
    name: "what a unit made for other checks hides is named by its directive, by unit --check and by the reload that it refuses",
    async body() {
      const file = "/etc/health-checker-strict.yaml";
      await mkdir("/home/app", { recursive: true });
      for (const ready of ["/home/app/ready", "/tmp/ready"]) await writeFile(ready, "");
      await writeFile(file, strictConfig());
      await installUnit(file);
      // What earlier drills have set beside the unit.
      const dropIns = ["/run/systemd/system", "/run/systemd/system.control"].map((folder) => `${folder}/${UNIT}.d`);
      const before = await run(PROGRAM, "unit", "--check");
      same("the status of unit --check under a MemoryMax= that was set", before.status, 1);
      claim(before.out.startsWith("MemoryMax=: needed at least "), before.out);
      claim(before.out.includes(`(in ${dropIns[1]}/`) && !before.out.includes("\n"), before.out);
      for (const folder of dropIns) await rm(folder, { recursive: true, force: true });
      await must("systemctl", "daemon-reload");
      await systemctl("restart");
      await answers(...HEALTHY);
      await must(PROGRAM, "unit", "--check");

      await writeFile(
        file,
        strictConfig({
          home: { file: "/home/app/ready" },
          flag: { file: "/tmp/ready" },
          nginx: { process: "nginx" },
        }),
      );
      // By hand all is well.
      await must(PROGRAM, "check", "--config", file);
      const { status, out } = await run(PROGRAM, "unit", "--check");
      same("the status of unit --check", status, 1);
      same(
        "the directives that it names",
        out.split("\n").map((line) => line.split("=:")[0]),
        ["ProtectHome", "PrivateTmp", "ProtectProc"],
      );
      const cursor = await journalEnd();
      same("the status of the reload", (await run("systemctl", "reload", UNIT)).status, 1);
      const { message } = await journalHas(/^reload refused/, cursor);
      for (const [name, directive] of [
        ["home", "ProtectHome="],
        ["flag", "PrivateTmp="],
        ["nginx", "ProtectProc="],
      ]) {
        const line = message
          .split("; health-checker: ")
          .find((problem) => problem.includes(`check ${name} would turn`));
        claim(line?.includes(`the service's ${directive} hides `) ?? false, message);
      }
      await answers(...HEALTHY);
      await installUnit(file);
      await must(PROGRAM, "unit", "--check");
      await systemctl("restart");
      await answers(...HEALTHY);
    },
  },
  {
    name: "a drain outlives a stop and a start",
    async body() {
      await must(PROGRAM, "drain");
      await systemctl("stop");
      await systemctl("start");
      await answers(...DRAINING);
      await must(PROGRAM, "undrain");
      await answers(...HEALTHY);
      await systemctl("stop");
      same("what is left in its folder", await readdir("/run/health-checker"), []);
    },
  },
  {
    name: "nothing of all this was an error, but for the configs that were refused",
    async body() {
      // The daemon says so, and the `reload` of ExecReload=.
      const refusal = /reload refused|would turn the host unhealthy|\.tcp: expected /;
      const errors = (await journal()).filter(
        ({ from, priority, message }) => from === "health-checker" && priority <= 3 && !refusal.test(message),
      );
      same("the errors", errors, []);
      same("its config", await readFile(CONFIG, "utf8"), config());
    },
  },
  ...packageDrills,
];
