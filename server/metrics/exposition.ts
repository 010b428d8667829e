import { faultOfMetricName, type MetricType } from "./names.ts";

interface Sample {
  readonly line: number;
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

interface MetricText {
  readonly name: string;
  readonly line: number;
  help: string | null;
  type: string | null;
  readonly samples: Sample[];
}

type Report = (line: number, problem: string) => void;

const COMMENT = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: -?\d+)?$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\n"])*)"(,|$)/y;
const VALUE = /^(?:[+-]?Inf|NaN|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)$/;
const TYPES: ReadonlySet<string> = new Set(["counter", "gauge", "histogram"]);

function parseValue(text: string): number | null {
  if (!VALUE.test(text)) return null;
  return Number(text.replace("Inf", "Infinity"));
}

function parseLabels(text: string): ReadonlyMap<string, string> | null {
  const labels = new Map<string, string>();
  LABEL.lastIndex = 0;
  let at = 0;
  while (at < text.length) {
    LABEL.lastIndex = at;
    const match = LABEL.exec(text);
    if (match === null) return null;
    const [whole, name = "", value = ""] = match;
    if (labels.has(name)) return null;
    labels.set(name, value);
    at += whole.length;
  }
  return labels;
}

function parseSample(
  text: string,
  line: number,
  report: Report,
): Sample | null {
  const match = SAMPLE.exec(text);
  if (match === null) {
    report(line, `no sample: ${text}`);
    return null;
  }
  const [, name = "", labelText = "", valueText = ""] = match;
  const labels = parseLabels(labelText);
  if (labels === null) report(line, `bad labels: ${labelText}`);
  const value = parseValue(valueText);
  if (value === null) report(line, `bad value: ${valueText}`);
  return labels === null || value === null
    ? null
    : { line, name, labels, value };
}

/** Groups lines into metrics; a metric that comes back later is reported. */
function readMetrics(text: string, report: Report): MetricText[] {
  const metrics = new Map<string, MetricText>();
  let current: MetricText | null = null;

  function enter(name: string, line: number): MetricText {
    if (current?.name === name) return current;
    if (metrics.has(name)) report(line, `${name} is in two places`);
    current = { name, line, help: null, type: null, samples: [] };
    metrics.set(name, current);
    return current;
  }

  function comment(
    kind: string,
    name: string,
    rest: string,
    line: number,
  ): void {
    const metric = enter(name, line);
    const field = kind === "HELP" ? "help" : "type";
    if (metric[field] !== null) report(line, `${name} has two ${kind} lines`);
    if (metric.samples.length > 0) report(line, `${kind} after a sample`);
    metric[field] = rest;
  }

  function sample(found: Sample): void {
    const base = current?.type === "histogram"
      ? found.name.replace(/_(bucket|sum|count)$/, "")
      : found.name;
    enter(base, found.line).samples.push(found);
  }

  for (const [i, written] of text.split("\n").entries()) {
    if (written === "") continue;
    const match = COMMENT.exec(written);
    if (match !== null) {
      comment(match[1] ?? "", match[2] ?? "", match[3] ?? "", i + 1);
    } else if (written.startsWith("#")) {
      report(i + 1, `bad comment: ${written}`);
    } else {
      const found = parseSample(written, i + 1, report);
      if (found !== null) sample(found);
    }
  }
  return [...metrics.values()];
}

function seriesKey(sample: Sample, without?: string): string {
  const pairs = [...sample.labels].filter(([name]) => name !== without).sort();
  return JSON.stringify(pairs);
}

function checkHistogramSeries(
  name: string,
  series: readonly Sample[],
  problem: (text: string) => void,
): void {
  const buckets = series.filter((sample) => sample.name === `${name}_bucket`);
  const bounds = buckets.map(({ labels }) =>
    parseValue(labels.get("le") ?? "") ?? NaN
  );
  if (!bounds.every((bound, i) => i === 0 || bound > (bounds[i - 1] ?? NaN))) {
    problem(`the buckets of ${name} do not ascend`);
  }
  if (bounds.at(-1) !== Infinity) problem(`${name} has no last bucket +Inf`);
  if (
    !buckets.every(({ value }, i) =>
      i === 0 || value >= (buckets[i - 1]?.value ?? 0)
    )
  ) {
    problem(`the buckets of ${name} are not cumulative`);
  }
  const count = series.find((sample) => sample.name === `${name}_count`)?.value;
  if (count === undefined) problem(`${name} has no _count`);
  else if (count !== buckets.at(-1)?.value) {
    problem(`${name}_count is not its last bucket`);
  }
  if (!series.some((sample) => sample.name === `${name}_sum`)) {
    problem(`${name} has no _sum`);
  }
}

function checkHistogram(metric: MetricText, report: Report): void {
  const series = Map.groupBy(metric.samples, (one) => seriesKey(one, "le"));
  for (const samples of series.values()) {
    const line = samples[0]?.line ?? metric.line;
    checkHistogramSeries(metric.name, samples, (text) => report(line, text));
  }
}

function isMetricType(type: string): type is MetricType {
  return TYPES.has(type);
}

function checkSamples(metric: MetricText, report: Report): void {
  const seen = new Set<string>();
  for (const sample of metric.samples) {
    const key = `${sample.name}${seriesKey(sample)}`;
    if (seen.has(key)) report(sample.line, `the series ${key} comes twice`);
    seen.add(key);
    const counts = metric.type === "counter" || metric.type === "histogram";
    if (counts && !sample.name.endsWith("_sum") && !(sample.value >= 0)) {
      report(sample.line, `${sample.name} counts ${sample.value}`);
    }
  }
}

function checkMetric(metric: MetricText, report: Report): void {
  const { name, line, type, help } = metric;
  if (help === null) report(line, `${name} has no HELP line`);
  if (type === null || !isMetricType(type)) {
    return report(line, `${name} has no TYPE line that is known`);
  }
  const fault = faultOfMetricName(type, name);
  if (fault !== null) report(line, fault);
  if (metric.samples.length === 0) report(line, `${name} has no sample`);
  checkSamples(metric, report);
  if (type === "histogram") checkHistogram(metric, report);
}

/**
 * Checks a text of metrics for tests: its format, and the conventions for names.
 *
 * @param text What {@linkcode Registry.render} wrote, or another exporter.
 * @returns What is wrong, each with its line; nothing when all is well.
 */
export function checkExposition(text: string): string[] {
  const problems: string[] = [];
  const report: Report = (line, problem) => {
    problems.push(`line ${line}: ${problem}`);
  };
  if (!text.endsWith("\n")) {
    report(text.split("\n").length, "the last line is not ended");
  }
  for (const metric of readMetrics(text, report)) checkMetric(metric, report);
  return problems;
}
