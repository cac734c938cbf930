// Processes, as /proc shows them. Runs on a thread of filesystem.ts, since it blocks.
//
// A process counts by the name that the kernel keeps of its first thread, as for `pgrep -x`; a longer name
// by the command line too. It lives as long as one of its threads does. This process, and the processes of
// scripts of any health-checker, are counted apart from all others.

import { closeSync, constants, openSync, readdirSync, readlinkSync, readSync } from "node:fs";
import { codeOf } from "../system/errors.ts";
import { CHECK_VARIABLE } from "../system/script-environment.ts";

/** What a command line, its words joined with blanks, must hold. */
export interface Matching {
  readonly text: string;
  /** Instead of the text. */
  readonly expression?: { readonly source: string; readonly flags: string };
}

export interface Sought {
  readonly name: string;
  readonly matching?: Matching | undefined;
  /** Whether processes of other PID namespaces below this one count. */
  readonly containers: boolean;
}

/** How many there are of a name. Each is counted once. */
export interface Counts {
  readonly alive: number;
  readonly zombies: number;
  /** Of health-checker itself, and of its scripts. */
  readonly own: number;
  readonly inContainers: number;
  /** Those whose command line does not match. */
  readonly unmatched: number;
}

export interface ProcessCounts {
  /** In the order of what was sought. */
  readonly counts: readonly Counts[];
  /** Process 1 always exists: if it is not seen, not all processes are. */
  readonly complete: boolean;
}

/** Processes that may have been meant by a name that no process has. */
export interface NearMisses {
  /** Names that differ by case or blanks alone, with how many go by each. */
  readonly alike: readonly (readonly [name: string, count: number])[];
  /** How many have the same first 15 letters and another program in their command line. */
  readonly sameStart: number;
  /** How many have the name anywhere in their command line, and what they go by. */
  readonly inCommandLine: number;
  readonly names: readonly string[];
}

export interface ProcessFacts {
  readonly alive: boolean;
  readonly name: string;
  /** The process that it is a thread of; itself, mostly. */
  readonly leader: number;
  readonly isOfKernel: boolean;
  readonly own: "itself" | "script" | undefined;
  readonly isInContainer: boolean;
  /** Undefined where nothing was to be matched. */
  readonly matches: boolean | undefined;
  readonly hasCommandLine: boolean;
  /** In milliseconds since the boot of the host. */
  readonly startedMs: number;
  /** The same of the first process: in a container the start of that, where it is seen. */
  readonly firstStartedMs: number | undefined;
}

/** What the kernel keeps of a process's name. */
const COMM_BYTES = 15;

/** A thread of the kernel, in the flags of proc_pid_stat(5). */
const PF_KTHREAD = 0x0020_0000;

/** The same on every architecture, whatever the kernel's own clock. */
const MS_PER_TICK = 10;

/** Shorter names are in many a command line. */
const SHORTEST_LOOKED_FOR = 3;

const MOST_ANCESTORS = 64;
const MOST_NAMES = 2;

/** Grows to what the longest file asked for. */
let buffer = Buffer.alloc(4096);

interface Stat {
  /** As latin1: a byte is a character. */
  readonly comm: string;
  readonly state: string;
  readonly parent: number;
  readonly session: number;
  readonly isOfKernel: boolean;
  readonly threads: number;
  readonly startedMs: number;
}

/** What /proc says at one moment: what was read of a process is not read again. */
class Snapshot {
  readonly #stats = new Map<number, Stat | undefined>();
  readonly #marks = new Map<number, boolean | undefined>();
  readonly #scripts: ReadonlySet<number>;
  readonly self = Number(readlinkSync("/proc/self"));
  readonly #depth = depthOf(this.self);

  /** `scripts` are the leaders of the groups that run now. */
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

  /** Of a process whose first thread has ended, by another one: the first has lost it. */
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
    for (const line of [pid, this.stat(pid)?.session ?? 0].map((from) => this.#lineOf(from))) {
      if (line.some((one) => this.#scripts.has(one))) return "script";
      const checker = line.findIndex((one) => one === this.self || this.stat(one)?.comm === name);
      if (checker <= 0) continue;
      const below = line.slice(0, checker).map((one) => this.#isMarked(one));
      // Where it cannot be read, as of a setuid program, being a child says enough.
      if (below.includes(true) || (line[checker] === this.self && below[0] === undefined)) return "script";
    }
    return undefined;
  }

  /** A process, its parent and so on up to the first. */
  #lineOf(pid: number): readonly number[] {
    const line: number[] = [];
    for (let one = pid; one > 0 && line.length < MOST_ANCESTORS; one = this.stat(one)?.parent ?? 0) line.push(one);
    return line;
  }

  /** Whether it was started with the variable that scripts have; undefined where that may not be read. */
  #isMarked(pid: number): boolean | undefined {
    if (!this.#marks.has(pid)) this.#marks.set(pid, isMarked(pid));
    return this.#marks.get(pid);
  }
}

export function countProcesses(sought: readonly Sought[], scripts: readonly number[]): ProcessCounts {
  const snapshot = new Snapshot(scripts);
  const counts = sought.map(() => ({ alive: 0, zombies: 0, own: 0, inContainers: 0, unmatched: 0 }));
  const wanted = new Map<string, { readonly index: number; readonly longer: string | undefined }[]>();
  for (const [index, { name }] of sought.entries()) {
    const bytes = Buffer.from(name);
    const longer = bytes.byteLength > COMM_BYTES ? name : undefined;
    const add = (key: string, entry: { index: number; longer: string | undefined }) =>
      wanted.set(key, [...(wanted.get(key) ?? []), entry]);
    add(bytes.toString("latin1", 0, COMM_BYTES), { index, longer });
    // Of its own threads the kernel keeps the whole name.
    if (longer !== undefined) add(bytes.toString("latin1"), { index, longer: undefined });
  }
  const matches = createMatcher();
  let complete = false;
  for (const pid of allProcesses()) {
    const stat = snapshot.stat(pid);
    if (stat === undefined) continue;
    if (pid === 1) complete = true;
    for (const { index, longer } of wanted.get(stat.comm) ?? []) {
      const count = counts[index];
      const one = sought[index];
      if (count === undefined || one === undefined) continue;
      const alive = snapshot.isAlive(pid, stat);
      const line = alive && (longer ?? one.matching) !== undefined ? snapshot.commandLine(pid, stat) : "";
      // Of a zombie the command line is gone.
      if (!alive) count.zombies++;
      else if (longer !== undefined && !runsAs(line, longer)) continue;
      else if (snapshot.own(pid)) count.own++;
      else if (!one.containers && snapshot.isInContainer(pid)) count.inContainers++;
      else if (one.matching && !matches(line, one.matching)) count.unmatched++;
      else count.alive++;
    }
  }
  return { counts, complete };
}

/** In the order of the names. Reads every command line, so it is for names that no process has. */
export function findNearMisses(names: readonly string[], scripts: readonly number[]): readonly NearMisses[] {
  const snapshot = new Snapshot(scripts);
  const checker = snapshot.stat(snapshot.self)?.comm;
  const searches = names.map((name) => {
    const start = Buffer.from(name).toString("latin1", 0, COMM_BYTES);
    return {
      name,
      start,
      folded: fold(textOf(start)),
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
    const comm = textOf(stat.comm);
    const folded = fold(comm);
    const line = snapshot.commandLine(pid, stat);
    const words = joined(line);
    for (const search of searches) {
      if (stat.comm === search.start) {
        if (search.isLong && !runsAs(line, search.name)) search.sameStart++;
      } else if (folded === search.folded) {
        search.alike.set(comm, (search.alike.get(comm) ?? 0) + 1);
      } else if (search.plain.length >= SHORTEST_LOOKED_FOR && words.includes(search.plain)) {
        search.inCommandLine++;
        if (search.names.size < MOST_NAMES) search.names.add(comm);
      }
    }
  }
  return searches.map(({ alike, sameStart, inCommandLine, names }) => ({
    alike: [...alike].slice(0, MOST_NAMES),
    sameStart,
    inCommandLine,
    names: [...names],
  }));
}

/** A name as people read it. */
const textOf = (comm: string): string => Buffer.from(comm, "latin1").toString();

/** Throws what the call has failed with, ENOENT where there is no such process. */
export function inspectProcess(pid: number, matching: Matching | undefined, scripts: readonly number[]): ProcessFacts {
  const status = readWhole(`/proc/${pid}/status`);
  const snapshot = new Snapshot(scripts);
  const stat = snapshot.stat(pid);
  if (stat === undefined) throw Object.assign(new Error("it has just ended"), { code: "ENOENT" });
  const line = snapshot.commandLine(pid, stat);
  return {
    alive: snapshot.isAlive(pid, stat),
    name: textOf(stat.comm),
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

/** Upper and lower case, blanks and what cannot be seen make no difference. */
const fold = (name: string): string =>
  name
    .normalize("NFKC")
    .toLowerCase()
    .replace(/[\s\p{Cf}]+/gu, "");

const joined = (line: string): string => line.replace(/\0+$/, "").replaceAll("\0", " ");

/** A regular expression is made once for all. */
function createMatcher(): (line: string, matching: Matching) => boolean {
  const made = new Map<Matching, RegExp>();
  return (line, matching) => {
    const { text, expression } = matching;
    if (expression === undefined) return joined(line).includes(text);
    const compiled = made.get(matching) ?? new RegExp(expression.source, expression.flags);
    made.set(matching, compiled);
    return compiled.test(joined(line));
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
  // The name may hold anything, parentheses and spaces too.
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

/** In how many PID namespaces it has a number, from that of /proc down; 1 where the kernel does not report it. */
function depthOf(pid: number): number {
  const [, numbers = ""] = /^NSpid:\s*(.*)$/m.exec(readText(`/proc/${pid}/status`)) ?? [];
  return Math.max(1, numbers.trim().split(/\s+/).length);
}

/** Whether a word of the command line says the whole name: the program's, or a script's behind its interpreter. */
function runsAs(line: string, name: string): boolean {
  return line.split("\0", 3).some((word) => {
    // A title such as "name: worker" is set over the first word.
    const [program = ""] = word.split(" ", 1);
    return [name, `${name}:`].includes(baseOf(program)) || baseOf(word) === name;
  });
}

const baseOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);

/** Empty for a process that has ended meanwhile or is not ours to see. */
function readText(path: string): string {
  const length = readFile(path) ?? 0;
  return buffer.toString("utf8", 0, length);
}

/** Reads into `buffer`; undefined for a process that has ended meanwhile or is not ours to see. */
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
  // Without a free descriptor nothing can be read, which must not look like there being no process.
  if (!["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(code)) throw error;
}
