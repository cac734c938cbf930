// The problems or warnings of a config file or a command line.

import type { RawValues } from "../../../src/config/command-line.ts";
import { loadOptions } from "../../../src/config/load.ts";
import { tempFolder } from "../../support/temp.ts";

type Environment = Readonly<Record<string, string>>;

/** The warnings, or the problems; the config file is called hc.yaml in them. */
export async function lint(content: string | undefined, raw: RawValues = {}, env: Environment = {}) {
  await using folder = await tempFolder();
  const file = content === undefined ? undefined : await folder.write("hc.yaml", content);
  const options = await loadOptions(file === undefined ? raw : { ...raw, config: [file] }, env);
  const lines = "listener" in options ? options.warnings : options;
  return lines.map((line) => (file === undefined ? line : line.replaceAll(file, "hc.yaml")));
}

/** As a check of a config file. */
export const lintCheck = (check: unknown, raw: RawValues = {}, env: Environment = {}) =>
  lint(`checks: [${JSON.stringify(check)}]`, raw, env);

/** Without the place in the file. */
export const lintKeys = async (check: unknown) =>
  (await lintCheck(check)).map((line) => line.replace(/^hc\.yaml:[\d:]+ /, ""));
