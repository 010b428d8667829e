/** Upper bounds for requests and commits, which take from a fraction of a millisecond to a timeout. */
export const LATENCY_SECONDS: readonly number[] = [
  0.0005,
  0.001,
  0.002,
  0.005,
  0.01,
  0.02,
  0.05,
  0.1,
  0.2,
  0.5,
  1,
  2,
  5,
  10,
];

/** Upper bounds for one write to disk: below a millisecond with a cache, seconds when it hangs. */
export const DISK_SECONDS: readonly number[] = [
  0.00025,
  0.0005,
  0.001,
  0.002,
  0.004,
  0.008,
  0.016,
  0.032,
  0.064,
  0.128,
  0.256,
  0.512,
  1,
  2,
  8,
];

/** Upper bounds for the event loop's lateness: 20 ms is the longest that a snapshot may hold it. */
export const DELAY_SECONDS: readonly number[] = [
  0.001,
  0.002,
  0.005,
  0.01,
  0.02,
  0.05,
  0.1,
  0.2,
  0.5,
  1,
  2,
  5,
];
