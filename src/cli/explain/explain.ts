// explain [options]: prints what the daemon would do, and the problems that show without a run. It runs no check and
// opens no listener; it opens files and resolves names.

import { buildCheck, type CheckConfig } from "../../checks/build.ts";
import type { Check } from "../../checks/check.ts";
import { redactorOf } from "../../checks/redact.ts";
import { readTexts } from "../../config/command-line.ts";
import { LOAD_BALANCERS } from "../../config/deadline.ts";
import type { Options } from "../../config/load.ts";
import { OPTIONS, type OptionDef } from "../../config/options.ts";
import { flag } from "../../fields/field.ts";
import { formatAddress, isIPv4, isIPv6 } from "../../net/address.ts";
import { resolveFresh } from "../../net/resolve.ts";
import { isFailure } from "../../outcome.ts";
import { scriptEnvironment } from "../../system/script-environment.ts";
import { describeUser } from "../../system/users.ts";
import { formatDuration } from "../../text/duration.ts";
import { onOneLine } from "../../text/printable.ts";
import { type CommandInput, command } from "../command.ts";
import { DAEMON_OPTIONS, renderCommandHelp, USAGE_ERROR } from "../help.ts";
import { DONE, FAILED, print } from "../io.ts";
import { loadOptionsFor, refuseOptions } from "../load-options.ts";
import { isOn, parse } from "../parse.ts";
import { calculateTiming, decidingHost, LOAD_BALANCER_PROBES, type Timing } from "./timing.ts";
import { findUnreadableFiles } from "./unreadable-files.ts";

/** How long a name may take to resolve, at most the timeout of its check. */
const RESOLVE_MS = 3000;

const strict: OptionDef<boolean> = {
  field: flag,
  help: "Exit with 1 if it prints a problem or a warning. A load balancer that may give up first is neither.",
};

export const explain = command({
  meta: { name: "explain", description: "print what the daemon would do with these options" },
  help: {
    usage: ["[--strict] [DAEMON OPTIONS]"],
    about: [
      "health-checker explain prints what the daemon would do with these options: each check with its timeout, the user that runs it, problems such as a missing file, and how long an answer takes compared with the timeouts of load balancers.",
      "It runs no check and opens no listener. It opens files and resolves host names.",
    ],
    options: { strict },
    notes: [DAEMON_OPTIONS, "Run it as the user of the daemon: permissions for scripts and files depend on the user."],
    examples: ["--config /etc/health-checker/config.yaml", "--port 5432 --deadline 4s"],
    exitStatus: {
      0: "printed; with --strict also: no problems and no warnings",
      1: "with --strict: there are problems or warnings; or cannot write to stdout",
      2: USAGE_ERROR,
    },
  },
  options: { ...OPTIONS, strict },
  run,
});

async function run({ args, grammar, env, io }: CommandInput): Promise<number> {
  const parsed = await parse(args, grammar);
  if (isOn(parsed, "help")) return print(io, renderCommandHelp(explain));
  const isStrict = readTexts("strict", strict, parsed.values["strict"]);
  const options = await loadOptionsFor({ ...parsed, problems: [...parsed.problems, ...isStrict.problems] }, env);
  if (!("listener" in options)) return refuseOptions(io, options, parsed);
  const context = { env: scriptEnvironment(env), onOrphan: () => {} };
  const explained = await Promise.all(
    options.checks.map(async (config) => {
      const check = buildCheck(config, context);
      const problems = [
        ...((await check.inspect?.()) ?? []),
        ...redacted(config, [...(await findUnreadableFiles(config)), ...(await findUnresolvable(config))]),
      ];
      return { problems, lines: explainCheck(check, options.endpoints, problems) };
    }),
  );
  const parts = [
    explainHost(options),
    ["Checks:", ...explained.flatMap(({ lines }) => lines).map((line) => `  ${line}`)],
    ["Answers:", ...explainTiming(options).map((line) => `  ${line}`)],
    options.warnings.length > 0 ? ["Warnings:", ...options.warnings.map((line) => `  ${line}`)] : [],
  ];
  const text = parts.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  const printed = await print(io, text.join("\n\n"));
  const isClean = options.warnings.length === 0 && explained.every(({ problems }) => problems.length === 0);
  return printed === DONE && isStrict.values.at(-1) && !isClean ? FAILED : printed;
}

function explainHost({ listener, failureStatus, endpoints, maxRounds, singleflight }: Options): readonly string[] {
  const rounds = singleflight
    ? "Concurrent requests share one round of checks."
    : `Requests start at most ${maxRounds} concurrent runs of a check.`;
  return [
    `The daemon would listen on ${formatAddress(listener)} and answer 200 while the host is healthy, else ${failureStatus}.`,
    ...endpoints.map(({ path, checks }) => `The answer of ${path} depends only on ${checks.join(", ")}.`),
    `Checks and scripts would run like this command: as ${describeUser(process.getuid?.())}, in ${workingFolder()}. A service may have another user and folder.`,
    rounds,
  ];
}

function workingFolder(): string {
  try {
    return onOneLine(process.cwd());
  } catch {
    return "a folder that has been removed";
  }
}

function explainCheck(check: Check, endpoints: Options["endpoints"], problems: readonly string[]): readonly string[] {
  const { name, kind, target, timeoutMs, intervalMs, rise, fall, severity } = check;
  const decides = endpoints.filter(({ checks }) => checks.includes(name)).map(({ path }) => path);
  const counts = [
    ...(rise > 1 ? [`up after ${rise} passes in a row`] : []),
    ...(fall > 1 ? [`down after ${fall} failures in a row`] : []),
  ];
  const plan = [
    `timeout ${formatDuration(timeoutMs)}`,
    intervalMs === undefined ? "on request" : `every ${formatDuration(intervalMs)} in the background`,
    ...counts,
    ...(severity === "critical"
      ? []
      : [`severity ${severity}: decides ${decides.length === 0 ? "nothing" : `only ${decides.join(", ")}`}`]),
  ];
  return [
    name === `${kind} ${target}` ? `${onOneLine(name)}:` : `${onOneLine(name)}: ${kind} ${onOneLine(target)}`,
    `  ${plan.join(", ")}`,
    ...problems.map((line) => `  problem: ${onOneLine(line)}`),
  ];
}

/** A path or a host may hold a secret, from a file or from the environment. */
function redacted({ kind, settings, secrets }: CheckConfig, lines: readonly string[]): readonly string[] {
  const redact = redactorOf(secrets, kind.secrets?.(settings));
  return redact ? lines.map((line) => redact(line)) : lines;
}

/** The peer's host name, if it does not resolve. */
async function findUnresolvable({ kind, settings, timeoutMs }: CheckConfig): Promise<readonly string[]> {
  const peer = kind.peer?.(settings);
  if (peer?.family !== "tcp" || isIPv4(peer.host) || isIPv6(peer.host)) return [];
  // AbortSignal.timeout alone keeps no event loop alive: the runtime would spin until it fires.
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), Math.min(RESOLVE_MS, timeoutMs));
  const found = await resolveFresh(peer.host, limit.signal);
  clearTimeout(timer);
  if (!isFailure(found)) return [];
  return [found.reason === "timeout" ? `the resolver does not answer for ${peer.host}` : found.message];
}

function explainTiming(options: Options): readonly string[] {
  const { answerMs, burstMs, unseen, detectMs } = calculateTiming(options, decidingHost(options.checks));
  const lines: string[] = [];
  if (answerMs === undefined) {
    lines.push(unseen ? "at once, from the latest results" : "at once: no check decides");
    if (unseen) lines.push(...explainStart(options.deadlineMs));
  } else {
    lines.push(`within ${secondsOf(answerMs)} in the worst case`);
    if (burstMs !== undefined) {
      lines.push(`within ${secondsOf(burstMs)} if more than ${options.maxRounds} requests arrive at once`);
    }
    for (const { name, timeoutMs } of LOAD_BALANCERS) {
      const verdict =
        answerMs < timeoutMs ? "in time" : "too late in the worst case; raise that timeout, or set --deadline below it";
      lines.push(`${waitsFor(name, timeoutMs)}: ${verdict}`);
    }
  }
  if (unseen) lines.push(explainUnseen(unseen));
  const { everyMs, failures } = LOAD_BALANCER_PROBES;
  lines.push(
    `a load balancer that probes every ${secondsOf(everyMs)} and needs ${failures} failures detects a failure within ${secondsOf(detectMs)}`,
  );
  return [...lines, ...options.endpoints.map((endpoint) => explainEndpoint(endpoint, options))];
}

function explainEndpoint({ path, checks, deadlineMs }: Options["endpoints"][number], options: Options): string {
  const { answerMs, unseen } = calculateTiming(
    { ...options, deadlineMs },
    options.checks.filter(({ name }) => checks.includes(name)),
  );
  const late = LOAD_BALANCERS.filter(({ timeoutMs }) => answerMs !== undefined && answerMs >= timeoutMs);
  const parts = [
    answerMs === undefined ? "at once, from the latest results" : `within ${secondsOf(answerMs)}`,
    ...(late.length > 0 ? [`too late in the worst case for ${late.map(({ name }) => name).join(", ")}`] : []),
    ...(unseen ? [explainUnseen(unseen)] : []),
  ];
  return `${path}: ${parts.join("; ")}`;
}

const explainUnseen = ({ check, ms }: NonNullable<Timing["unseen"]>): string =>
  `the daemon detects a failure of ${onOneLine(check)} within ${secondsOf(ms)}`;

/** If all deciding checks run in the background, only the first answer can be too late for a load balancer. */
function explainStart(deadlineMs = Number.POSITIVE_INFINITY): readonly string[] {
  const within = Number.isFinite(deadlineMs) ? [`within ${secondsOf(deadlineMs)} until the first results`] : [];
  const verdicts = LOAD_BALANCERS.map(({ name, timeoutMs }) => {
    const verdict = deadlineMs < timeoutMs ? "in time" : "in time after the first results";
    return `${waitsFor(name, timeoutMs)}: ${verdict}`;
  });
  return [...within, ...verdicts];
}

const waitsFor = (name: string, timeoutMs: number): string => `${name} waits ${secondsOf(timeoutMs)} by default`;

const secondsOf = (ms: number): string => `${Number((ms / 1000).toFixed(2))} s`;
