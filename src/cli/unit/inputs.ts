// What a unit is made from: the daemon's options as they were given, its config file, and
// the secrets that the file names.

import { resolve } from "node:path";
import type { RawValues } from "../../config/command-line.ts";
import type { Options } from "../../config/load.ts";
import { optionDef, optionNamed } from "../../config/options.ts";
import type { Problem } from "../../config/problem.ts";
import { type SecretFallback, secretSourcesIn } from "../../config/secrets.ts";
import type { Environment } from "../io.ts";
import { loadOptionsFor } from "../load-options.ts";
import type { Parsed } from "../parse.ts";
import { credentialOf, type Secrets } from "./render.ts";

export interface Source {
  readonly options: Options;
  /** Absolute; undefined where there is none. */
  readonly configFile: string | undefined;
  readonly secrets: Secrets;
}

const NO_SECRETS: Secrets = { files: [], variables: [] };

/** Or the problems of the options. */
export async function readSource(parsed: Parsed, env: Environment): Promise<Source | readonly Problem[]> {
  const loaded = await loadOptionsFor(parsed, env, withoutSecret);
  // Where no stand-in will do, the secret itself is needed.
  const options = "listener" in loaded ? loaded : await loadOptionsFor(parsed, env);
  if (!("listener" in options)) return options;
  const given = parsed.values["config"]?.at(-1);
  // systemd starts it in /.
  const configFile = given === undefined ? undefined : resolve(given);
  return { options, configFile, secrets: configFile === undefined ? NO_SECRETS : await secretsOf(configFile) };
}

/**
 * No secret gets into the unit, and perhaps only systemd can read it: a stand-in will do here. Two secrets get
 * two stand-ins, so that checks that differ in nothing else do not count as the same.
 */
const withoutSecret: SecretFallback = (source, name) =>
  source === "env" || credentialOf(name) !== undefined
    ? `stand-in-${Bun.hash(`${source}:${name}`).toString(36)}`
    : undefined;

async function secretsOf(configFile: string): Promise<Secrets> {
  const { readConfigFile } = await import("../../config/file.ts");
  const source = await readConfigFile(configFile);
  return "value" in source ? secretSourcesIn(source.value) : NO_SECRETS;
}

/** The given options, each written in one way; the daemon reads the same from them. */
export function wordsOf(values: RawValues, configFile: string | undefined): readonly string[] {
  return Object.entries(values).flatMap(([name, texts = []]) => {
    const option = optionNamed(name);
    if (option === undefined || option === "help" || option === "version") return [];
    const { value, repeatable } = optionDef(option);
    const last = option === "config" && configFile !== undefined ? [configFile] : texts.slice(-1);
    return (repeatable ? texts : last).flatMap((text) => {
      if (value === undefined) return text === "true" ? [`--${option}`] : [`--${option}=${text}`];
      // As a word of its own it might be read as an option.
      return text.startsWith("-") ? [`--${option}=${text}`] : [`--${option}`, text];
    });
  });
}
