// The help text, for a terminal of 80 columns: the table of options, and examples.

import { OPTION_NAMES, type OptionDef, optionDef } from "../config/options.ts";

const COLUMNS = 80;
const INDENT = "      ";

export function renderHelp(): string {
  return `health-checker answers every HTTP request with 200 OK when all checks of this
host pass, else with 504.

Usage: health-checker [options]
       health-checker check [--json] [--wait D] [options]
       health-checker explain [options]
       health-checker validate FILE [options]
       health-checker schema
       health-checker unit [--check [FILE]] [options]
       health-checker status|reload|drain|undrain|maint [--control-socket PATH]

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

/** Its name and what it takes, and below that what it is for. */
export function renderOption(
  name: string,
  { short, value, help, repeatable, default: fallback }: OptionDef<unknown>,
): string {
  const head = `  ${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`;
  const notes = [repeatable && "repeatable", fallback && `default ${fallback}`].filter(Boolean).join(", ");
  const said = help.replaceAll("`", "");
  return `${head}\n${wrap(notes ? `${said} (${notes})` : said)}`;
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
