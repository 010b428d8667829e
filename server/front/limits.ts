/** Every bound of a front, by name. */
export interface FrontLimits {
  /** How many connections are held at once. */
  readonly maxConnections: number;
  /** How long a connection may take to its first whole header, TLS included. */
  readonly firstRequestMs: number;
  /** How long a connection may be without a request, whatever bytes come. */
  readonly idleMs: number;
  /** How long a caller may take nothing of what waits for it. */
  readonly stallMs: number;
  /** How often connections are looked at. */
  readonly sweepIntervalMs: number;
}

/** What holds where nothing else is said. */
export const FRONT_LIMITS: FrontLimits = {
  maxConnections: 4096,
  firstRequestMs: 10_000,
  idleMs: 60_000,
  stallMs: 30_000,
  sweepIntervalMs: 1000,
};
