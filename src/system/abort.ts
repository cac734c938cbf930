// What is cut short by an AbortSignal that seldom is: most attempts end before they ask for it.

export interface Abortable {
  /** Made when it is first asked for. */
  readonly signal: AbortSignal;
  /** As `signal.aborted`, without making the signal; absent where there is one anyway. */
  readonly isAborted?: boolean;
}

export const hasAborted = (cut: Abortable): boolean => cut.isAborted ?? cut.signal.aborted;
