// How long load balancers wait for a health check's answer by default (docs/operations.md shows where to set it).

export interface LoadBalancer {
  readonly name: string;
  readonly timeoutMs: number;
}

/** From the shortest timeout. */
export const LOAD_BALANCERS: readonly LoadBalancer[] = [
  { name: "kubelet", timeoutMs: 1000 },
  { name: "HAProxy", timeoutMs: 2000 },
  { name: "AWS ALB", timeoutMs: 5000 },
  { name: "AWS NLB", timeoutMs: 6000 },
];
