// What a unit is made from: the daemon's options as they were given, its config file, and
// what that takes from elsewhere.

import { resolve } from "node:path";
import type { RawValues } from "../../config/command-line.ts";
import type { Options } from "../../config/load.ts";
import { optionDef, optionNamed } from "../../config/options.ts";
import type { Problem } from "../../config/problem.ts";
import { type SecretFallback, secretSourcesIn } from "../../config/secrets.ts";
import type { Parsed } from "../parse.ts";
import { type Environment, settle } from "../settle.ts";
import { credentialOf, type Secrets } from "./render.ts";

export interface Source {
  readonly options: Options;
  /** Absolute; undefined where there is none. */
  readonly configFile: string | undefined;
  readonly secrets: Secrets;
}

const NO_SECRETS: Secrets = { files: [], variables: [] };

/** Or all that is wrong with the options. */
export async function readSource(parsed: Parsed, env: Environment): Promise<Source | readonly Problem[]> {
  const settled = await settle(parsed, env, withoutSecret);
  // One that no stand-in is good for is wanted itself.
  const options = "listener" in settled ? settled : await settle(parsed, env);
  if (!("listener" in options)) return options;
  const given = parsed.values["config"]?.at(-1);
  // systemd starts it in /.
  const configFile = given === undefined ? undefined : resolve(given);
  return { options, configFile, secrets: configFile === undefined ? NO_SECRETS : await secretsOf(configFile) };
}

/**
 * Nothing of a secret gets into the unit, and systemd alone may have it: it is not wanted here.
 * Two secrets have two stand-ins, so that checks that differ in nothing else are not taken for the same.
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

/** What was given, one way of writing for all: the daemon reads the same from it. */
export function wordsOf(values: RawValues, configFile: string | undefined): readonly string[] {
  return Object.entries(values).flatMap(([name, texts = []]) => {
    const option = optionNamed(name);
    if (option === undefined || option === "help" || option === "version") return [];
    const { value, repeatable } = optionDef(option);
    const last = option === "config" && configFile !== undefined ? [configFile] : texts.slice(-1);
    return (repeatable ? texts : last).flatMap((text) => {
      if (value === undefined) return text === "true" ? [`--${option}`] : [`--${option}=${text}`];
      // Apart it might be taken for an option.
      return text.startsWith("-") ? [`--${option}=${text}`] : [`--${option}`, text];
    });
  });
}
