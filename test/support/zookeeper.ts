// A real ZooKeeper of a test's own, from the system's package, standing alone.

import { startChild } from "./child.ts";
import { converse } from "./converse.ts";
import { freePort, loopbackAddress } from "./loopback.ts";
import { tempFolder } from "./temp.ts";
import { until } from "./until.ts";

export interface Zookeeper extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Stops the process as SIGSTOP does: the kernel goes on accepting for it. */
  freeze(): void;
  resume(): void;
  /** What it says to a four-letter word. */
  say(word: string): Promise<string>;
}

const CLASSES = "/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar";

/** A JVM on a busy machine. */
const START_MS = 60_000;

/** A ZooKeeper that has just opened its port may leave its first connection without an answer. */
const SAY_MS = 1000;

/** Resolves once it answers `srvr` with `sign`. `settings` are further lines of its configuration. */
export async function startZookeeper(settings = "", sign = "Mode: standalone"): Promise<Zookeeper> {
  const folder = await tempFolder();
  const host = loopbackAddress();
  const port = freePort(host);
  const config = await folder.write(
    "zoo.cfg",
    `tickTime=500
dataDir=${folder.path}/data
clientPortAddress=${host}
clientPort=${port}
admin.enableServer=false
${settings}
`,
  );
  // Which of the servers in `settings` it is.
  await folder.write("data/myid", "1");
  const java = startChild(
    [
      "java",
      "-Xmx64m",
      "-XX:+UseSerialGC",
      "-cp",
      CLASSES,
      "org.apache.zookeeper.server.quorum.QuorumPeerMain",
      config,
    ],
    { cwd: folder.path },
  );
  const end = async () => {
    await java[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  const say = (word: string) => converse({ hostname: host, port }, word, undefined, SAY_MS);
  try {
    await until(async () => java.hasExited() || (await say("srvr")).includes(sign), START_MS, "ZooKeeper to serve");
    if (java.hasExited()) throw new Error(`java exited with ${await java.exited}`);
  } catch (error) {
    await end();
    throw new Error([error instanceof Error ? error.message : error, ...java.out, ...java.err].join("\n"));
  }
  return {
    host,
    port,
    freeze: () => java.kill("SIGSTOP"),
    resume: () => java.kill("SIGCONT"),
    say,
    [Symbol.asyncDispose]: end,
  };
}
