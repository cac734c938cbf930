// Reads processes from /proc. It blocks, so it runs on a thread of filesystem.ts.
//
// A process has the name that the kernel keeps for its first thread, as for `pgrep -x`; the kernel cuts names after 15 bytes,
// so a longer one is also looked for in the command line. A process is alive as long as one of its threads is. This process,
// and the scripts of any health-checker, are counted separately.

import { closeSync, constants, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { codeOf } from "../system/errors.ts";
import { CHECK_VARIABLE } from "../system/script-environment.ts";

/** What a command line must contain, its words joined by blanks. */
export interface Matching {
  readonly text: string;
  /** Instead of the text. */
  readonly expression?: { readonly source: string; readonly flags: string };
}

/** Which processes to count. */
export interface ProcessQuery {
  readonly name: string;
  readonly matching?: Matching | undefined;
  /** Whether processes of other PID namespaces below this one count. */
  readonly containers: boolean;
}

/** How many processes have a name; each is counted in one of these. */
export interface Counts {
  readonly alive: number;
  readonly zombies: number;
  /** health-checker itself, and its scripts. */
  readonly own: number;
  readonly inContainers: number;
  /** Their command line does not match. */
  readonly unmatched: number;
}

export interface ProcessCounts {
  /** In the order of the queries. */
  readonly counts: readonly Counts[];
  /** Whether all processes are visible: process 1 is, which always exists. */
  readonly complete: boolean;
}

/** Processes that the user may have meant by a name that no process has. */
export interface NearMisses {
  /** Names that differ only by case or blanks, with the number of processes of each. */
  readonly alike: readonly (readonly [name: string, count: number])[];
  /** How many have the same first 15 bytes, and another program in their command line. */
  readonly sameStart: number;
  /** How many have the name anywhere in their command line; `names` are some of their own names. */
  readonly inCommandLine: number;
  readonly names: readonly string[];
}

export interface ProcessFacts {
  readonly alive: boolean;
  readonly name: string;
  /** The number of its process: its own, unless it is a thread. */
  readonly leader: number;
  readonly isOfKernel: boolean;
  readonly own: "itself" | "script" | undefined;
  readonly isInContainer: boolean;
  /** Undefined if there is nothing to match. */
  readonly matches: boolean | undefined;
  readonly hasCommandLine: boolean;
  /** In milliseconds since the boot of the host. */
  readonly startedMs: number;
  /** The same for process 1, if it is visible; in a container, about when the container was started. */
  readonly firstStartedMs: number | undefined;
}

/** How much the kernel keeps of a process's name. */
const COMM_BYTES = 15;

/** The flag of kernel threads in proc_pid_stat(5). */
const PF_KTHREAD = 0x0020_0000;

/** USER_HZ is 100 on every architecture. */
const MS_PER_TICK = 10;

/** A shorter name would be found in too many command lines. */
const MIN_SEARCH_LENGTH = 3;

const MAX_ANCESTORS = 64;
const MAX_NAMES = 2;

/** Shared by all reads; it grows to the size of the longest file. */
let buffer = Buffer.alloc(4096);

type Writable<T> = { -readonly [Key in keyof T]: T[Key] };

interface Stat {
  /** In latin1, so that a byte is a character. */
  readonly comm: string;
  readonly state: string;
  readonly parent: number;
  readonly session: number;
  readonly isOfKernel: boolean;
  readonly threads: number;
  readonly startedMs: number;
}

/** The state of /proc at one moment: each file of a process is read once. */
class Snapshot {
  readonly #stats = new Map<number, Stat | undefined>();
  readonly #marks = new Map<number, boolean | undefined>();
  readonly #scripts: ReadonlySet<number>;
  readonly self = Number(readlinkSync("/proc/self"));
  readonly #depth = depthOf(this.self);

  /** `scripts` are the leaders of the running process groups. */
  constructor(scripts: readonly number[]) {
    this.#scripts = new Set(scripts);
  }

  stat(pid: number): Stat | undefined {
    if (!this.#stats.has(pid)) this.#stats.set(pid, readStat(`/proc/${pid}/stat`));
    return this.#stats.get(pid);
  }

  isAlive(pid: number, stat: Stat): boolean {
    return isLiving(stat.state) || (stat.threads > 1 && findLivingThread(pid) !== undefined);
  }

  /** If the first thread has ended, it has no command line any more, so another thread's is read. */
  commandLine(pid: number, { state }: Stat): string {
    const line = readText(`/proc/${pid}/cmdline`);
    if (line !== "" || isLiving(state)) return line;
    const thread = findLivingThread(pid);
    return thread === undefined ? "" : readText(`/proc/${pid}/task/${thread}/cmdline`);
  }

  isInContainer(pid: number): boolean {
    return depthOf(pid) > this.#depth;
  }

  own(pid: number): ProcessFacts["own"] {
    if (pid === this.self) return "itself";
    const name = this.stat(this.self)?.comm;
    for (const ancestry of [pid, this.stat(pid)?.session ?? 0].map((from) => this.#ancestryOf(from))) {
      if (ancestry.some((one) => this.#scripts.has(one))) return "script";
      const checker = ancestry.findIndex((one) => one === this.self || this.stat(one)?.comm === name);
      if (checker <= 0) continue;
      const marks = ancestry.slice(0, checker).map((one) => this.#isMarked(one));
      // If the environment cannot be read, as for a setuid program, a child of this process counts as a script.
      if (marks.includes(true) || (ancestry[checker] === this.self && marks[0] === undefined)) return "script";
    }
    return undefined;
  }

  /** A process, its parent and so on, up to the first process. */
  #ancestryOf(pid: number): readonly number[] {
    const ancestry: number[] = [];
    for (let one = pid; one > 0 && ancestry.length < MAX_ANCESTORS; one = this.stat(one)?.parent ?? 0) {
      ancestry.push(one);
    }
    return ancestry;
  }

  /** Whether it was started with the variable that scripts get; undefined if its environment may not be read. */
  #isMarked(pid: number): boolean | undefined {
    if (!this.#marks.has(pid)) this.#marks.set(pid, isMarked(pid));
    return this.#marks.get(pid);
  }
}

export function countProcesses(queries: readonly ProcessQuery[], scripts: readonly number[]): ProcessCounts {
  const snapshot = new Snapshot(scripts);
  const byName = new Map<string, { query: ProcessQuery; counts: Writable<Counts>; longName: string | undefined }[]>();
  const allCounts = queries.map((query) => {
    const counts = { alive: 0, zombies: 0, own: 0, inContainers: 0, unmatched: 0 };
    const bytes = Buffer.from(query.name);
    const longName = bytes.byteLength > COMM_BYTES ? query.name : undefined;
    const add = (comm: string, longName: string | undefined) =>
      byName.set(comm, [...(byName.get(comm) ?? []), { query, counts, longName }]);
    add(bytes.toString("latin1", 0, COMM_BYTES), longName);
    // The kernel does not cut the names of kernel threads.
    if (longName !== undefined) add(bytes.toString("latin1"), undefined);
    return counts;
  });
  const matches = createMatcher();
  let complete = false;
  for (const pid of allProcesses()) {
    const stat = snapshot.stat(pid);
    if (stat === undefined) continue;
    if (pid === 1) complete = true;
    for (const { query, counts, longName } of byName.get(stat.comm) ?? []) {
      const alive = snapshot.isAlive(pid, stat);
      const line = alive && (longName ?? query.matching) !== undefined ? snapshot.commandLine(pid, stat) : "";
      // A zombie has no command line any more.
      if (!alive) counts.zombies++;
      else if (longName !== undefined && !runsAs(line, longName)) continue;
      else if (snapshot.own(pid)) counts.own++;
      else if (!query.containers && snapshot.isInContainer(pid)) counts.inContainers++;
      else if (query.matching && !matches(line, query.matching)) counts.unmatched++;
      else counts.alive++;
    }
  }
  return { counts: allCounts, complete };
}

/** In the order of the names. Reads every command line, so use it only for names that no process has. */
export function findNearMisses(names: readonly string[], scripts: readonly number[]): readonly NearMisses[] {
  const snapshot = new Snapshot(scripts);
  const checker = snapshot.stat(snapshot.self)?.comm;
  const searches = names.map((name) => {
    const start = Buffer.from(name).toString("latin1", 0, COMM_BYTES);
    return {
      name,
      start,
      folded: fold(decodeName(start)),
      isLong: Buffer.byteLength(name) > COMM_BYTES,
      plain: name.trim(),
      alike: new Map<string, number>(),
      sameStart: 0,
      inCommandLine: 0,
      names: new Set<string>(),
    };
  });
  for (const pid of allProcesses()) {
    const stat = snapshot.stat(pid);
    if (stat === undefined || stat.comm === checker || !snapshot.isAlive(pid, stat) || snapshot.own(pid)) continue;
    const comm = decodeName(stat.comm);
    const folded = fold(comm);
    const line = snapshot.commandLine(pid, stat);
    const words = joinWords(line);
    for (const search of searches) {
      if (stat.comm === search.start) {
        if (search.isLong && !runsAs(line, search.name)) search.sameStart++;
      } else if (folded === search.folded) {
        search.alike.set(comm, (search.alike.get(comm) ?? 0) + 1);
      } else if (search.plain.length >= MIN_SEARCH_LENGTH && words.includes(search.plain)) {
        search.inCommandLine++;
        if (search.names.size < MAX_NAMES) search.names.add(comm);
      }
    }
  }
  return searches.map(({ alike, sameStart, inCommandLine, names }) => ({
    alike: [...alike].slice(0, MAX_NAMES),
    sameStart,
    inCommandLine,
    names: [...names],
  }));
}

/** Decodes a name as UTF-8. */
const decodeName = (comm: string): string => Buffer.from(comm, "latin1").toString();

/** Throws the error of the failed call: ENOENT if there is no such process. */
export function inspectProcess(pid: number, matching: Matching | undefined, scripts: readonly number[]): ProcessFacts {
  const status = readWhole(`/proc/${pid}/status`);
  const snapshot = new Snapshot(scripts);
  const stat = snapshot.stat(pid);
  if (stat === undefined) throw Object.assign(new Error("it has just ended"), { code: "ENOENT" });
  const line = snapshot.commandLine(pid, stat);
  return {
    alive: snapshot.isAlive(pid, stat),
    name: decodeName(stat.comm),
    leader: Number(/^Tgid:\s+(\d+)/m.exec(status)?.[1] ?? pid),
    isOfKernel: stat.isOfKernel,
    own: snapshot.own(pid),
    isInContainer: snapshot.isInContainer(pid),
    matches: matching && createMatcher()(line, matching),
    hasCommandLine: line !== "",
    startedMs: stat.startedMs,
    firstStartedMs: snapshot.stat(1)?.startedMs,
  };
}

function isMarked(pid: number): boolean | undefined {
  try {
    const length = readInto(`/proc/${pid}/environ`);
    return `\0${buffer.toString("latin1", 0, length)}`.includes(`\0${CHECK_VARIABLE}=`);
  } catch (error) {
    if (["EACCES", "EPERM"].includes(codeOf(error))) return undefined;
    ignoreGone(error);
    return false;
  }
}

const isLiving = (state: string): boolean => !"ZXx".includes(state);

/** Removes differences by case, blanks and invisible characters. */
const fold = (name: string): string =>
  name
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\s\p{Cf}]+/gu, "");

const joinWords = (line: string): string => line.replace(/\0+$/, "").replaceAll("\0", " ");

/** Compiles each regular expression once. */
function createMatcher(): (line: string, matching: Matching) => boolean {
  const compiledOf = new Map<Matching, RegExp>();
  return (line, matching) => {
    const { text, expression } = matching;
    if (expression === undefined) return joinWords(line).includes(text);
    const compiled = compiledOf.get(matching) ?? new RegExp(expression.source, expression.flags);
    compiledOf.set(matching, compiled);
    return compiled.test(joinWords(line));
  };
}

function* allProcesses(): Generator<number> {
  for (const entry of readdirSync("/proc")) {
    const first = entry.charCodeAt(0);
    if (first >= 48 && first <= 57) yield Number(entry);
  }
}

function readStat(path: string): Stat | undefined {
  const length = readFile(path);
  if (length === undefined) return undefined;
  // The name may contain anything, even parentheses and spaces.
  const open = buffer.indexOf(40);
  const close = buffer.subarray(0, length).lastIndexOf(41);
  if (open < 0 || close < open) return undefined;
  // From the third field of proc_pid_stat(5) on.
  const fields = buffer.toString("latin1", close + 2, length).split(" ");
  return {
    comm: buffer.toString("latin1", open + 1, close),
    state: fields[0] ?? "",
    parent: Number(fields[1]),
    session: Number(fields[3]),
    isOfKernel: (Number(fields[6]) & PF_KTHREAD) !== 0,
    threads: Number(fields[17]),
    startedMs: Number(fields[19]) * MS_PER_TICK,
  };
}

function findLivingThread(pid: number): string | undefined {
  try {
    return readdirSync(`/proc/${pid}/task`).find((thread) =>
      isLiving(readStat(`/proc/${pid}/task/${thread}/stat`)?.state ?? "X"),
    );
  } catch (error) {
    return ignoreGone(error);
  }
}

/** In how many PID namespaces it has a number, from that of /proc down; 1 if the kernel does not report it. */
function depthOf(pid: number): number {
  const [, numbers = ""] = /^NSpid:\s*(.*)$/m.exec(readText(`/proc/${pid}/status`)) ?? [];
  return Math.max(1, numbers.trim().split(/\s+/).length);
}

/** Whether a word of the command line is the whole name: the program's, or a script's after its interpreter. */
function runsAs(line: string, name: string): boolean {
  return line.split("\0", 3).some((word) => {
    // A program may replace its first word by a title such as "name: worker".
    const [program = ""] = word.split(" ", 1);
    return [name, `${name}:`].includes(baseOf(program)) || baseOf(word) === name;
  });
}

const baseOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** Empty for a process that has ended meanwhile or that this user may not see. */
function readText(path: string): string {
  const length = readFile(path) ?? 0;
  return buffer.toString("utf8", 0, length);
}

/** Reads into `buffer`; undefined for a process that has ended meanwhile or that this user may not see. */
function readFile(path: string): number | undefined {
  try {
    return readInto(path);
  } catch (error) {
    return ignoreGone(error);
  }
}

function readWhole(path: string): string {
  const length = readInto(path);
  return buffer.toString("utf8", 0, length);
}

function readInto(path: string): number {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    for (let length = 0; ; ) {
      if (length === buffer.byteLength) buffer = Buffer.concat([buffer], 4 * buffer.byteLength);
      const count = readSync(fd, buffer, length, buffer.byteLength - length, null);
      if (count === 0) return length;
      length += count;
    }
  } finally {
    closeSync(fd);
  }
}

function ignoreGone(error: unknown): undefined {
  const code = codeOf(error);
  // A lack of descriptors, for one, must not look as if there were no process.
  if (!["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(code)) throw error;
}
