// Renders the clients of the health listener for people: who asks, how often, and what each was answered.

import type { ClientStatus, HostStatus } from "../../status/schema.ts";
import { onOneLine } from "../../text/printable.ts";
import { ageOf, timeOf } from "../control/describe-drain.ts";
import { type Column, drawTable, drawText, GREEN, RED, type Row, type TerminalStyle, YELLOW } from "../table.ts";
import { drawState } from "./host.ts";

const COLUMNS: readonly Column[] = [
  { head: "CLIENT", isText: true },
  { head: "LAST", isRight: true },
  { head: "EVERY", isRight: true },
  { head: "ANSWER", isPainted: true },
  { head: "TOOK", isRight: true },
  { head: "REQUESTS", isRight: true },
  { head: "DISCONNECTED", isRight: true },
  { head: "ANSWERS" },
];

export function renderClients(status: HostStatus, style: TerminalStyle, nowMs: number): string {
  const { clients, startedAt } = status;
  const since = `the daemon started at ${timeOf(startedAt)} (${ageOf(nowMs - Date.parse(startedAt))} ago)`;
  return [
    ...drawState(status, style, nowMs),
    "",
    ...(clients.length === 0
      ? drawText(`no request has come since ${since}`, YELLOW, style)
      : drawTable(
          COLUMNS,
          clients.map((client) => rowOf(client, nowMs)),
          style,
          "USER-AGENT",
        )),
  ].join("\n");
}

function rowOf(client: ClientStatus, nowMs: number): Row {
  const { address, userAgent, requests, lastAt, lastCode, lastSeconds, codes, disconnected, intervalSeconds } = client;
  return {
    cells: [
      onOneLine(address),
      `${ageOf(nowMs - Date.parse(lastAt))} ago`,
      intervalSeconds === undefined ? "" : `${Number(intervalSeconds.toFixed(1))}s`,
      lastCode === undefined ? "none" : String(lastCode),
      lastSeconds === undefined ? "" : `${lastSeconds.toFixed(3)}s`,
      String(requests),
      String(disconnected),
      Object.entries(codes)
        .map(([code, count]) => `${onOneLine(code)}: ${count}`)
        .join(", "),
    ],
    detail: onOneLine(userAgent),
    colour: lastCode === undefined ? YELLOW : lastCode === 200 ? GREEN : RED,
  };
}
