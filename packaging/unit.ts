// Writes packaging/health-checker.service, the unit of the packaged default: what
// `health-checker unit --config /etc/health-checker/config.yaml` prints where that is the file of
// this folder. A test fails where the two have drifted.

import { join } from "node:path";
import { renderUnit } from "../src/cli/unit/render.ts";
import { loadOptions } from "../src/config/load.ts";

export const PACKAGED_CONFIG = join(import.meta.dir, "config.yaml");
export const PACKAGED_UNIT = join(import.meta.dir, "health-checker.service");

/** Where the packages have them on a host. */
const PROGRAM = "/usr/local/bin/health-checker";
const CONFIG = "/etc/health-checker/config.yaml";

/** `configFile` and `program` are where the packaged ones are on a host. */
export async function renderPackagedUnit(configFile = CONFIG, program = PROGRAM): Promise<string> {
  const options = await loadOptions({ config: [PACKAGED_CONFIG] });
  if (!("listener" in options)) throw new Error(options.join("\n"));
  const secrets = { files: [], variables: [] };
  const words = ["--config", configFile];
  return `${renderUnit({ options, words, program, configFile, secrets })}\n`;
}

if (import.meta.main) await Bun.write(PACKAGED_UNIT, await renderPackagedUnit());
