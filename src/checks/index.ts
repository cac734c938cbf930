// The one table of kinds: a new kind is a file beside this one and a line here.

import { scriptCheck } from "./script.ts";
import { tcpCheck } from "./tcp.ts";

export const kinds = { tcp: tcpCheck, script: scriptCheck } as const;
