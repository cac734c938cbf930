// What a unit is made from: the options that were given, the config file, and the secrets that these name.

import { resolve } from "node:path";
import type { RawValues } from "../../config/command-line.ts";
import type { Options } from "../../config/load.ts";
import { optionDef, optionNamed } from "../../config/options.ts";
import type { Problem } from "../../config/problem.ts";
import { type SecretFallback, secretSourcesIn } from "../../config/secrets.ts";
import type { Environment } from "../io.ts";
import { loadOptionsFor } from "../load-options.ts";
import type { Parsed } from "../parse.ts";
import { credentialName, type Secrets } from "./render.ts";

export interface Inputs {
  readonly options: Options;
  /** Absolute; undefined where there is none. */
  readonly configFile: string | undefined;
  readonly secrets: Secrets;
}

const NO_SECRETS: Secrets = { files: [], variables: [] };

/** Resolves with the problems of the options where there are any. */
export async function readInputs(parsed: Parsed, env: Environment): Promise<Inputs | readonly Problem[]> {
  const loaded = await loadOptionsFor(parsed, env, standInFor);
  // A key may refuse the stand-in, so try again with the secrets themselves.
  const options = "listener" in loaded ? loaded : await loadOptionsFor(parsed, env);
  if (!("listener" in options)) return options;
  const given = parsed.values["config"]?.at(-1);
  // systemd starts it in /.
  const configFile = given === undefined ? undefined : resolve(given);
  const { files, variables } = configFile === undefined ? NO_SECRETS : await secretsOf(configFile);
  const token = options.adminTokenFile === undefined ? [] : [options.adminTokenFile];
  return { options, configFile, secrets: { files: [...new Set([...files, ...token])], variables } };
}

/**
 * A stand-in for a secret, since perhaps only systemd can read it, and no secret gets into the unit. Two secrets have two
 * stand-ins, so that checks that differ only in their secrets do not count as duplicates.
 */
const standInFor: SecretFallback = (source, name) =>
  source === "env" || credentialName(name) !== undefined
    ? `stand-in-${Bun.hash(`${source}:${name}`).toString(36)}`
    : undefined;

async function secretsOf(configFile: string): Promise<Secrets> {
  const { readConfigFile } = await import("../../config/file.ts");
  const source = await readConfigFile(configFile);
  return "value" in source ? secretSourcesIn(source.value) : NO_SECRETS;
}

/** The given options as arguments of the daemon, each in one form. */
export function argumentsOf(values: RawValues, configFile: string | undefined): readonly string[] {
  return Object.entries(values).flatMap(([name, texts = []]) => {
    const option = optionNamed(name);
    if (option === undefined || option === "help" || option === "version") return [];
    const { value, repeatable } = optionDef(option);
    const last = option === "config" && configFile !== undefined ? [configFile] : texts.slice(-1);
    return (repeatable ? texts : last).flatMap((text) => {
      if (value === undefined) return text === "true" ? [`--${option}`] : [`--${option}=${text}`];
      // As a separate word it might be read as an option.
      return text.startsWith("-") ? [`--${option}=${text}`] : [`--${option}`, text];
    });
  });
}
