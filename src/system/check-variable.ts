/** The environment variable with the name of a script's check; a process that has it belongs to a script. */
export const CHECK_VARIABLE = "HEALTH_CHECKER_CHECK";
