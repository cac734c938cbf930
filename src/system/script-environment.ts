// The environment that scripts inherit: the daemon's own, without the variables for the daemon
// and from its service manager.

/** The environment variable with the name of a script's check; a process that has it belongs to a script. */
export const CHECK_VARIABLE = "HEALTH_CHECKER_CHECK";

const OUR_OWN = /^(NOTIFY_SOCKET|CREDENTIALS_DIRECTORY|HEALTH_CHECKER_RUN|WATCHDOG_.*|LISTEN_.*|BUN_.*)$/;

export function scriptEnvironment(env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined && !OUR_OWN.test(name)) kept[name] = value;
  return kept;
}
