import { invariant } from "../../base/mod.ts";
import {
  type Cell,
  type Counter,
  createCounterCell,
  createGaugeCell,
  createHistogramCell,
  type Gauge,
  type Histogram,
  type Tell,
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

/** All values of a metric. */
export interface MetricReadings extends MetricDefinition {
  readonly type: "counter" | "gauge";
  readonly readings: readonly Reading[];
}

/** Who is told of values beside the metrics themselves. */
export interface Mirror {
  /** Makes what is told of every value of a histogram. */
  histogram(
    definition: MetricDefinition & Buckets,
  ): (value: number, labels: Readonly<Record<string, string>>) => void;
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
  /** Reads all counters and gauges, also those without a value. */
  readings(): MetricReadings[];
  /** Has counters and histograms begin at 0; gauges, and what is read from elsewhere, stay. */
  reset(): void;
}

/** Writes the metrics that it stands for. */
type Writer = () => string;

function labelPairs(labels: Readonly<Record<string, string>>): LabelPairs {
  return Object.entries(labels);
}

/** Makes a series, whose labels are given. */
type Create<T> = (labels: Readonly<Record<string, string>>) => T;

interface FamilyParts<L extends string, T> {
  readonly family: Family<L, T>;
  readonly writeAll: Writer;
  readonly readAll: () => Reading[];
  readonly resetAll: () => void;
}

function createFamily<L extends string, T extends Cell>(
  { name, labels }: LabelledDefinition<L>,
  create: Create<T>,
): FamilyParts<L, T> {
  const series = new Map<string, { pairs: LabelPairs; cell: T }>();

  function find(pairs: LabelPairs): T {
    const key = JSON.stringify(pairs);
    const found = series.get(key);
    if (found !== undefined) return found.cell;
    const isOther = pairs.every(([, value]) => value === OTHER);
    if (series.size >= MAX_SERIES && !isOther) {
      return find(labels.map((label) => [label, OTHER]));
    }
    const cell = create(Object.fromEntries(pairs));
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
    readAll: () =>
      [...series.values()].flatMap(({ pairs, cell }) => {
        const value = cell.value();
        return value === null
          ? []
          : [{ labels: Object.fromEntries(pairs), value }];
      }),
    resetAll: () => {
      for (const { cell } of series.values()) cell.reset();
    },
  };
}

function readingsOf<S>(metric: ReadMetric<S>, source: S): readonly Reading[] {
  const read = metric.read(source);
  return typeof read === "number" ? [{ value: read }] : read ?? [];
}

function writeReading<S>(metric: ReadMetric<S>, source: S): string {
  const { name, type, help } = metric;
  const readings = readingsOf(metric, source);
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
  readonly readers: (() => MetricReadings[])[];
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
  if (type !== "histogram") {
    book.readers.push(() => [{
      name,
      help,
      type,
      readings: [{ value: cell.value() ?? NaN }],
    }]);
  }
  return cell;
}

function labelled<L extends string, T extends Cell>(
  book: Book,
  type: MetricType,
  definition: LabelledDefinition<L>,
  create: Create<T>,
): Family<L, T> {
  claim(book, type, definition);
  const { name, help, labels } = definition;
  for (const label of labels) {
    const fault = faultOfLabelName(label);
    invariant(fault === null, `${name}: ${fault}`);
  }
  const { family, writeAll, readAll, resetAll } = createFamily(
    definition,
    create,
  );
  book.resets.push(resetAll);
  if (type !== "histogram") {
    book.readers.push(() => [{ name, help, type, readings: readAll() }]);
  }
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
  book.readers.push(() => {
    const value = source();
    return metrics.map((metric) => ({
      name: metric.name,
      help: metric.help,
      type: metric.type,
      readings: value === null ? [] : readingsOf(metric, value),
    }));
  });
}

/**
 * Makes an empty registry. A name that is used twice or breaks the conventions is a fault of the
 * program, and thrown as one.
 *
 * @param mirror Who is told of values as well; null for nobody.
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
export function createRegistry(mirror: Mirror | null = null): Registry {
  const book: Book = {
    names: new Set(),
    writers: [],
    readers: [],
    resets: [],
  };
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
      const record = mirror?.histogram(definition);
      const tell: Tell | null = record ? (value) => record(value, {}) : null;
      const cell = createHistogramCell(bounds, tell);
      return single(book, "histogram", definition, cell);
    },
    histograms: (definition) => {
      const { name, bounds } = definition;
      checkBounds(name, bounds);
      const record = mirror?.histogram(definition);
      return labelled(
        book,
        "histogram",
        definition,
        (labels) =>
          createHistogramCell(
            bounds,
            record ? (value) => record(value, labels) : null,
          ),
      );
    },
    read: (source, metrics) => readAll(book, source, metrics),
    render: () => book.writers.map((write) => write()).join(""),
    readings: () => book.readers.flatMap((read) => read()),
    reset: () => {
      for (const reset of book.resets) reset();
    },
  };
}
