const METRIC_NAME = /^(pgraft|process)_[a-z0-9]+(_[a-z0-9]+)*$/;
const LABEL_NAME = /^[a-z][a-z0-9_]*$/;

/** Base units only: a dashboard must never have to guess a factor. */
const NOT_A_BASE_UNIT =
  /_(ms|us|ns|msec|milliseconds|microseconds|nanoseconds|minutes|hours|days|kb|mb|gb|kilobytes|megabytes|percent)(_|$)/;

/** What the text format appends to a histogram's name. */
const RESERVED_SUFFIX = /_(bucket|sum|count)$/;

/** Label names that the text format itself uses. */
const RESERVED_LABELS: ReadonlySet<string> = new Set(["le", "quantile"]);

/** What a metric can be. */
export type MetricType = "counter" | "gauge" | "histogram";

/**
 * Says what is wrong with a metric's name.
 *
 * @param type What the metric is.
 * @param name Its name.
 * @returns The first fault, or null when the name keeps to the conventions.
 */
export function faultOfMetricName(
  type: MetricType,
  name: string,
): string | null {
  if (!METRIC_NAME.test(name)) {
    return `${name} is not in lower case after pgraft_ or process_`;
  }
  if (NOT_A_BASE_UNIT.test(name)) {
    return `${name} is not in base units (seconds, bytes, ratio)`;
  }
  if (RESERVED_SUFFIX.test(name)) {
    return `${name} ends like a part of a histogram`;
  }
  if ((type === "counter") !== name.endsWith("_total")) {
    return type === "counter"
      ? `The counter ${name} does not end in _total`
      : `${name} ends in _total and is no counter`;
  }
  return type === "histogram" && !/_(seconds|bytes)$/.test(name)
    ? `The histogram ${name} does not end in its unit`
    : null;
}

/**
 * Says what is wrong with a label's name.
 *
 * @param name The name.
 * @returns The fault, or null.
 */
export function faultOfLabelName(name: string): string | null {
  if (!LABEL_NAME.test(name)) return `The label ${name} is not in lower case`;
  return RESERVED_LABELS.has(name) ? `The label ${name} is reserved` : null;
}
