// The status page: a status → one HTML document that needs nothing else, and the policy that allows only its own style and script.

import { createHash } from "node:crypto";
import { rankChecks } from "../../../status/rank.ts";
import type { HostStatus } from "../../../status/schema.ts";
import { renderChecks } from "./checks.ts";
import { renderClients } from "./clients.ts";
import { icon } from "./drawings.ts";
import { duration } from "./duration.ts";
import { renderAbout, renderChanges } from "./history.ts";
import { Html, html } from "./html.ts";
import main from "./script.js" with { type: "text" };
import style from "./style.css" with { type: "text" };
import { Times } from "./times.ts";
import update from "./update.js" with { type: "text" };
import { renderVerdict, styleOf } from "./verdict.ts";

export interface Page {
  readonly html: string;
  /** For the header Content-Security-Policy. */
  readonly csp: string;
}

/** The content of a script element of type module. */
const script = [`const duration = ${duration};`, update, main].join("\n");

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

const CSP = [
  "default-src 'none'",
  `style-src ${hashOf(style)}`,
  `script-src ${hashOf(script)}`,
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export function renderPage(status: HostStatus): Page {
  const { at, host, state, checks, failing } = status;
  const times = new Times(at);
  const ranked = rankChecks(checks, failing);
  const document = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${state.toUpperCase()} ${host}</title>
<link rel="icon" href="${icon(styleOf(status))}" data-no-answer="${icon("gone")}">
<style>${new Html(style)}</style>
</head>
<body>
<header><p id="at" data-host="${host}">as of ${times.time(at)}</p> <label hidden><input type="checkbox" id="refresh" checked> refresh every 5 s</label> <a href=".">Reload</a>
<p id="gone" role="alert" hidden></p></header>
<main data-at="${at}">
${renderVerdict(status, ranked, times)}${renderChecks(status, ranked, times)}${renderClients(status, times)}${renderChanges(status, times)}${renderAbout(status, times)}</main>
<footer><p>This page changes nothing. <a href="status">status as JSON</a>, <a href="metrics">metrics</a></p></footer>
<script type="module">${new Html(script)}</script>
</body>
</html>
`;
  return { html: document.markup, csp: CSP };
}
