// Times as the JSON shows them.

export const seconds = (ms: number): number => Math.round(Math.max(0, ms) * 1000) / 1e6;

export const iso = (epochMs: number): string => new Date(epochMs).toISOString();
