// What is remembered at most. For 1,000 checks that takes 7 MiB, and 22 MiB if each of them has failed and passed in turn
// (docs/performance.md).

/** Of each check. */
export const RUNS_REMEMBERED = 60;
export const CHECK_CHANGES_REMEMBERED = 50;

export const HOST_CHANGES_REMEMBERED = 200;

/** Of each change of the host. */
export const FAILING_REMEMBERED = 20;

/** Beyond these the client is forgotten that has sent no request for longest. */
export const CLIENTS_REMEMBERED = 64;

/** Of a User-Agent, and of why a check failed; what is longer is cut. */
export const LONGEST_REMEMBERED = 200;

/** The changes of a check in the last hour are counted up to this number. */
export const MOST_CHANGES_COUNTED = 1000;
