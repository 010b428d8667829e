import { invariant } from "../../base/mod.ts";
import {
  type Cell,
  type Counter,
  createCounterCell,
  createGaugeCell,
  createHistogramCell,
  type Gauge,
  type Histogram,
} from "./cells.ts";
import {
  faultOfLabelName,
  faultOfMetricName,
  type MetricType,
} from "./names.ts";
import { formatHeader, formatSample, type LabelPairs } from "./text.ts";

/** Series of one metric beyond this many are counted together, under labels that all say `other`. */
export const MAX_SERIES = 1000;

/** The value of every label of the series that takes what exceeds {@linkcode MAX_SERIES}. */
export const OTHER = "other";

/** What a metric is called and says. */
export interface MetricDefinition {
  /** Its name, in base units. */
  readonly name: string;
  /** What it says, as a sentence without its final period. */
  readonly help: string;
}

/** A metric with one series for each combination of label values. */
export interface LabelledDefinition<L extends string> extends MetricDefinition {
  /** The labels' names, in the order in which they are written. */
  readonly labels: readonly L[];
}

/** The buckets of a histogram. */
export interface Buckets {
  /** Their upper bounds, ascending; that of infinity is added. */
  readonly bounds: readonly number[];
}

/** The series of a metric with labels. */
export interface Family<L extends string, T> {
  /**
   * Finds or makes the series of these label values. Keep what it returns where speed matters.
   *
   * @param labels A value for each label.
   * @returns The series.
   */
  with(labels: Readonly<Record<L, string>>): T;
}

/** One value that is read when the metrics are. */
export interface Reading {
  /**
   * The series' labels.
   *
   * @default {{}}
   */
  readonly labels?: Readonly<Record<string, string>>;
  /** Its value. */
  readonly value: number;
}

/** A metric whose values are read from a source when the metrics are. */
export interface ReadMetric<S> extends MetricDefinition {
  /** A counter's value must never go down while the process lives. */
  readonly type: "counter" | "gauge";
  /**
   * Reads it.
   *
   * @param source What the metric is a part of.
   * @returns Its value, or one for each series; null leaves it out.
   */
  readonly read: (source: S) => number | null | readonly Reading[];
}

/** All metrics of a process. */
export interface Registry {
  /** Defines a counter without labels. */
  counter(definition: MetricDefinition): Counter;
  /** Defines a counter with labels. */
  counters<L extends string>(
    definition: LabelledDefinition<L>,
  ): Family<L, Counter>;
  /** Defines a gauge without labels. */
  gauge(definition: MetricDefinition): Gauge;
  /** Defines a gauge with labels. */
  gauges<L extends string>(definition: LabelledDefinition<L>): Family<L, Gauge>;
  /** Defines a histogram without labels. */
  histogram(definition: MetricDefinition & Buckets): Histogram;
  /** Defines a histogram with labels. */
  histograms<L extends string>(
    definition: LabelledDefinition<L> & Buckets,
  ): Family<L, Histogram>;
  /**
   * Defines metrics that are read from one source, which is asked once for all of them.
   *
   * @param source Returns what the metrics are read from; null leaves all of them out.
   * @param metrics The metrics.
   */
  read<S>(source: () => S | null, metrics: readonly ReadMetric<S>[]): void;
  /** Writes all metrics; what has no value is left out. */
  render(): string;
  /** Has counters and histograms begin at 0; gauges, and what is read from elsewhere, stay. */
  reset(): void;
}

/** Writes the metrics that it stands for. */
type Writer = () => string;

function labelPairs(labels: Readonly<Record<string, string>>): LabelPairs {
  return Object.entries(labels);
}

function createFamily<L extends string, T extends Cell>(
  { name, labels }: LabelledDefinition<L>,
  create: () => T,
): { family: Family<L, T>; writeAll: Writer; resetAll: () => void } {
  const series = new Map<string, { pairs: LabelPairs; cell: T }>();

  function find(pairs: LabelPairs): T {
    const key = JSON.stringify(pairs);
    const found = series.get(key);
    if (found !== undefined) return found.cell;
    const isOther = pairs.every(([, value]) => value === OTHER);
    if (series.size >= MAX_SERIES && !isOther) {
      return find(labels.map((label) => [label, OTHER]));
    }
    const cell = create();
    series.set(key, { pairs, cell });
    return cell;
  }

  return {
    family: {
      with: (values) => find(labels.map((label) => [label, values[label]])),
    },
    writeAll: () =>
      [...series.values()].map(({ pairs, cell }) => cell.write(name, pairs))
        .join(""),
    resetAll: () => {
      for (const { cell } of series.values()) cell.reset();
    },
  };
}

function writeReading<S>(metric: ReadMetric<S>, source: S): string {
  const { name, type, help } = metric;
  const read = metric.read(source);
  const readings = typeof read === "number" ? [{ value: read }] : read ?? [];
  if (readings.length === 0) return "";
  const samples = readings.map(({ labels = {}, value }: Reading) =>
    formatSample(name, labelPairs(labels), value)
  );
  return formatHeader(name, type, help) + samples.join("");
}

function checkBounds(name: string, bounds: readonly number[]): void {
  const ascending = bounds.every((bound, i) =>
    Number.isFinite(bound) && (i === 0 || bound > (bounds[i - 1] ?? 0))
  );
  invariant(ascending, `The bounds of ${name} are finite and ascend`);
}

/** What has been defined. */
interface Book {
  readonly names: Set<string>;
  readonly writers: Writer[];
  readonly resets: (() => void)[];
}

function claim(
  book: Book,
  type: MetricType,
  { name, help }: MetricDefinition,
): void {
  const fault = faultOfMetricName(type, name);
  invariant(fault === null, fault ?? name);
  invariant(!book.names.has(name), `${name} is defined twice`);
  invariant(help !== "", `${name} says what it is`);
  book.names.add(name);
}

function single<T extends Cell>(
  book: Book,
  type: MetricType,
  definition: MetricDefinition,
  cell: T,
): T {
  claim(book, type, definition);
  const { name, help } = definition;
  const header = formatHeader(name, type, help);
  book.writers.push(() => header + cell.write(name, []));
  book.resets.push(cell.reset);
  return cell;
}

function labelled<L extends string, T extends Cell>(
  book: Book,
  type: MetricType,
  definition: LabelledDefinition<L>,
  create: () => T,
): Family<L, T> {
  claim(book, type, definition);
  const { name, help, labels } = definition;
  for (const label of labels) {
    const fault = faultOfLabelName(label);
    invariant(fault === null, `${name}: ${fault}`);
  }
  const { family, writeAll, resetAll } = createFamily(definition, create);
  book.resets.push(resetAll);
  const header = formatHeader(name, type, help);
  book.writers.push(() => {
    const samples = writeAll();
    return samples === "" ? "" : header + samples;
  });
  return family;
}

function readAll<S>(
  book: Book,
  source: () => S | null,
  metrics: readonly ReadMetric<S>[],
): void {
  for (const metric of metrics) claim(book, metric.type, metric);
  book.writers.push(() => {
    const value = source();
    if (value === null) return "";
    return metrics.map((metric) => writeReading(metric, value)).join("");
  });
}

/**
 * Makes an empty registry. A name that is used twice or breaks the conventions is a fault of the
 * program, and thrown as one.
 *
 * @returns The registry.
 *
 * @example Usage
 * ```ts
 * import { createRegistry } from "./registry.ts";
 *
 * const registry = createRegistry();
 * const elections = registry.counter({
 *   name: "pgraft_elections_total",
 *   help: "Elections that this node has seen",
 * });
 * elections.add();
 * if (!registry.render().endsWith("pgraft_elections_total 1\n")) throw new Error("One was counted");
 * ```
 */
export function createRegistry(): Registry {
  const book: Book = { names: new Set(), writers: [], resets: [] };
  return {
    counter: (definition) =>
      single(book, "counter", definition, createCounterCell()),
    counters: (definition) =>
      labelled(book, "counter", definition, createCounterCell),
    gauge: (definition) => single(book, "gauge", definition, createGaugeCell()),
    gauges: (definition) =>
      labelled(book, "gauge", definition, createGaugeCell),
    histogram: (definition) => {
      const { name, bounds } = definition;
      checkBounds(name, bounds);
      return single(book, "histogram", definition, createHistogramCell(bounds));
    },
    histograms: (definition) => {
      const { name, bounds } = definition;
      checkBounds(name, bounds);
      return labelled(
        book,
        "histogram",
        definition,
        () => createHistogramCell(bounds),
      );
    },
    read: (source, metrics) => readAll(book, source, metrics),
    render: () => book.writers.map((write) => write()).join(""),
    reset: () => {
      for (const reset of book.resets) reset();
    },
  };
}
