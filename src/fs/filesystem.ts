// Asks questions about files, on threads of our own.
//
// A call into a dead mount (NFS without its server, a failed disk) does not return and cannot be cancelled. The runtime has
// as many threads for such calls as the host has processors, and uses them for name look-ups too: two hung calls on a small
// host would stop both. So one thread of ours answers all questions in turn. If an answer takes long, the other questions
// get a second thread. A path that hangs is not asked again until it has answered, and a mount has at most two threads. A
// thread costs 7 MB; the first one starts with the first question.

import { type Failure, failed } from "../outcome.ts";
import { isLacking, retryWhileLacking } from "../system/retry.ts";
import { roundDuration } from "../text/duration.ts";
import type { Answers, Question, Reply } from "./filesystem-worker.ts";
import { type Mount, mountAt, parseMounts, readMountinfo } from "./mounts.ts";

/** An answer usually takes 20 µs; counting processes may take some tens of milliseconds. */
const SLOW_MS = 100;

/** A question that was abandoned sooner may just be slow, as when a client disconnects: a later question waits for it. */
const STUCK_MS = 1000;

const MAX_THREADS = 8;

/** Two, so that one bad file does not block its whole file system; no more, so that a dead one does not take all threads. */
const MAX_THREADS_OF_MOUNT = 2;

/** The code if no thread can start, for lack of memory or of a process slot. */
const NO_THREAD = "no thread";

/** EAGAIN is the file's own answer: there is nothing to read yet. */
const lacksResource = (code: string): boolean => code === NO_THREAD || (code !== "EAGAIN" && isLacking(code));

interface Job {
  readonly question: Question;
  readonly finish: (reply: Reply) => void;
  /** When a thread took it, by performance.now(). */
  since: number;
  /** Its caller no longer waits. */
  abandoned: boolean;
  mount?: string;
}

interface Thread {
  readonly worker: Worker;
  job: Job | undefined;
}

const threads: Thread[] = [];
const queue: Job[] = [];
let dispatchTimer: ReturnType<typeof setTimeout> | undefined;

/** `code` is that of the failed call; absent if no call failed. */
export type FileSystemAnswer<Q extends Question> =
  | { readonly ok: true; readonly value: Answers[Q["ask"]] }
  | (Failure & { readonly code?: string });

/** Resolves at once when `signal` aborts; never rejects. */
export function askFileSystem<Q extends Question>(question: Q, signal: AbortSignal): Promise<FileSystemAnswer<Q>> {
  return retryWhileLacking<FileSystemAnswer<Q>>(signal, async (lack) => {
    const answer = await askOnce(question, signal);
    // If the next attempt is aborted, report the lack before it.
    return lack !== undefined && !answer.ok && answer.code === undefined ? lack : (answer as FileSystemAnswer<Q>);
  });
}

function answerOf(path: string, reply: Reply): FileSystemAnswer<Question> {
  if (reply.ok) return reply;
  const { code } = reply;
  return lacksResource(code)
    ? failed("resource", `no thread or memory left to access ${path} (${code})`)
    : { ...failed("unreachable", `cannot access ${path} (${code})`), code };
}

function askOnce(question: Question, signal: AbortSignal): Promise<FileSystemAnswer<Question>> {
  const stuck = findHang(question);
  if (stuck) return Promise.resolve(stuck);
  return new Promise((resolve) => {
    const job: Job = {
      question,
      finish(reply) {
        signal.removeEventListener("abort", abandon);
        resolve(answerOf(question.path, reply));
      },
      since: 0,
      abandoned: false,
    };
    const abandon = () => {
      job.abandoned = true;
      const place = queue.indexOf(job);
      if (place < 0) return resolve(failed("timeout", `${question.path} did not answer`));
      queue.splice(place, 1);
      resolve(failed("timeout", `waiting to access ${question.path}; other paths do not answer`));
    };
    if (signal.aborted) return resolve(failed("timeout", `waiting to access ${question.path}`));
    signal.addEventListener("abort", abandon, { once: true });
    queue.push(job);
    dispatch();
  });
}

/** A failure if the path, or its file system, hangs: an earlier run has abandoned the same question. */
function findHang(question: Question): Failure | undefined {
  const now = performance.now();
  const hanging = slowJobs(now, STUCK_MS).filter(({ abandoned }) => abandoned);
  if (hanging.length === 0) return undefined;
  const mount = mountOf(question.path);
  const onMount = hanging.filter((job) => mountOfJob(job) === mount);
  const same = onMount.find((job) => job.question.path === question.path);
  const [first] = onMount;
  if (same) {
    return failed(
      "stuck",
      `${question.path} has not answered for ${roundDuration(now - same.since)}; it is not accessed again until it answers`,
    );
  }
  if (first === undefined || onMount.length < MAX_THREADS_OF_MOUNT) return undefined;
  return failed(
    "stuck",
    `${question.path} is not accessed: ${first.question.path} on the same file system (${mount}) has not answered for ${roundDuration(now - first.since)}`,
  );
}

const slowJobs = (now: number, sinceMs = SLOW_MS): readonly Job[] =>
  threads.flatMap(({ job }) => (job && now - job.since >= sinceMs ? [job] : []));

/** Gives waiting questions to free threads; starts threads if all are slow. */
function dispatch(): void {
  clearTimeout(dispatchTimer);
  dispatchTimer = undefined;
  const now = performance.now();
  const slow = slowJobs(now);
  while (queue.length > 0) {
    const place = slow.length === 0 ? 0 : queue.findIndex((job) => mayBeAsked(job, slow));
    const job = queue[place];
    if (job === undefined) break;
    const idle = threads.find((thread) => thread.job === undefined);
    if (!idle && (threads.length > slow.length || threads.length >= MAX_THREADS)) break;
    queue.splice(place, 1);
    const thread = idle ?? openThread();
    if (!thread) {
      job.finish({ ok: false, code: NO_THREAD });
      continue;
    }
    thread.job = job;
    job.since = now;
    thread.worker.ref();
    thread.worker.postMessage(job.question);
  }
  const next = Math.min(...threads.flatMap(({ job }) => (job && now - job.since < SLOW_MS ? [job.since] : [])));
  if (queue.length > 0 && next < Number.POSITIVE_INFINITY)
    dispatchTimer = setTimeout(dispatch, next + SLOW_MS - now + 1);
}

function mayBeAsked(job: Job, slow: readonly Job[]): boolean {
  const mount = mountOfJob(job);
  const onMount = slow.filter((other) => mountOfJob(other) === mount);
  return onMount.length < MAX_THREADS_OF_MOUNT && !onMount.some((other) => other.question.path === job.question.path);
}

/** In the compiled binary everything is one file at the root of src/, but the thread's file keeps its path below src/. */
const THREAD_FILE = import.meta.url.endsWith("/fs/filesystem.ts")
  ? "./filesystem-worker.ts"
  : "./fs/filesystem-worker.ts";

/** Undefined if no thread can start. */
function openThread(): Thread | undefined {
  let worker: Worker;
  try {
    worker = new Worker(new URL(THREAD_FILE, import.meta.url).href, { smol: true });
  } catch {
    return undefined;
  }
  const thread: Thread = { worker, job: undefined };
  const finish = (reply: Reply) => {
    const { job } = thread;
    thread.job = undefined;
    worker.unref();
    if (job && !job.abandoned) job.finish(reply);
  };
  const close = () => {
    const place = threads.indexOf(thread);
    if (place >= 0) threads.splice(place, 1);
    worker.terminate();
  };
  worker.onmessage = ({ data }: MessageEvent<Reply>) => {
    finish(data);
    if (queue.length === 0 && threads.some((other) => other !== thread && other.job === undefined)) close();
    else dispatch();
  };
  // The thread started and then lacked memory.
  worker.onerror = (event) => {
    event.preventDefault();
    close();
    finish({ ok: false, code: NO_THREAD });
    dispatch();
  };
  threads.push(thread);
  return thread;
}

function mountOfJob(job: Job): string {
  job.mount ??= mountOf(job.question.path);
  return job.mount;
}

/** Read once per turn of the event loop: a round may have a thousand paths. */
let mounts: readonly Mount[] | undefined;

/** The mount point that a path is below. Looked up only while something hangs. */
function mountOf(path: string): string {
  if (mounts === undefined) {
    mounts = parseMounts(readMountinfo());
    setImmediate(() => {
      mounts = undefined;
    });
  }
  return mountAt(mounts, path)?.point ?? "/";
}
