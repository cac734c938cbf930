// The help text, for a terminal of 80 columns: the table of options, and examples.

import { OPTION_NAMES, type OptionDef, optionDef } from "../config/options.ts";

const COLUMNS = 80;
const INDENT = "      ";

/** A command without a usage, such as help, is also an option. */
export interface CommandUsage {
  readonly meta: { readonly name: string };
  readonly usage?: string;
}

export function renderHelp(commands: readonly CommandUsage[]): string {
  return `health-checker answers every HTTP request with 200 OK when all checks of this
host pass, else with 504.

Usage: health-checker [options]
${listUsages(commands)
  .map((usage) => `       health-checker ${usage}`)
  .join("\n")}

${OPTION_NAMES.map((name) => renderOption(name, optionDef(name))).join("\n")}

Examples:
  health-checker --port 5432 --port 3306
  health-checker --listener 0.0.0.0:6000 \\
    --script "/usr/local/bin/zk-check.sh --port 2181" --script-timeout 4s
  health-checker --config /etc/health-checker.yaml --interval 10s

Keep the timeouts below the load balancer's: an ALB gives up after 5 s.

Exit status: 0 fine, 1 cannot listen or (check) not healthy, 2 a mistake on the
command line or in the config file.`;
}

/** Commands of the same usage share a line. */
function listUsages(commands: readonly CommandUsage[]): readonly string[] {
  const names = new Map<string, string[]>();
  for (const { meta, usage } of commands) {
    if (usage !== undefined) names.set(usage, [...(names.get(usage) ?? []), meta.name]);
  }
  return Array.from(names, ([usage, same]) => `${same.join("|")} ${usage}`.trimEnd());
}

/** The name and value of an option, with its help below. */
export function renderOption(
  name: string,
  { short, value, help, repeatable, default: fallback }: OptionDef<unknown>,
): string {
  const head = `  ${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`;
  const notes = [repeatable && "repeatable", fallback && `default ${fallback}`].filter(Boolean).join(", ");
  const text = help.replaceAll("`", "");
  return `${head}\n${wrap(notes ? `${text} (${notes})` : text)}`;
}

function wrap(text: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line && INDENT.length + line.length + 1 + word.length > COLUMNS) {
      lines.push(INDENT + line);
      line = word;
    } else {
      line = line ? `${line} ${word}` : word;
    }
  }
  return [...lines, INDENT + line].join("\n");
}
