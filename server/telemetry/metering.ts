import type { MetricReadings, Mirror } from "../metrics/mod.ts";
import type { Meter, Observable } from "./otel.ts";

/** Units of names by their endings. */
const UNITS: readonly (readonly [ending: RegExp, unit: string])[] = [
  [/_seconds(_total)?$/, "s"],
  [/_bytes(_total)?$/, "By"],
];

function unitOf(name: string): { readonly unit?: string } {
  const unit = UNITS.find(([ending]) => ending.test(name))?.[1];
  return unit === undefined ? {} : { unit };
}

/**
 * Makes what histograms tell of every value: their buckets can't be read afterwards.
 *
 * @param meter Where they go.
 */
export function mirrorOf(meter: Meter): Mirror {
  return {
    histogram: ({ name, help, bounds }) => {
      const histogram = meter.createHistogram(name, {
        description: help,
        ...unitOf(name),
        advice: { explicitBucketBoundaries: [...bounds] },
      });
      return (value, labels) => histogram.record(value, labels);
    },
  };
}

/**
 * Has all counters and gauges exported, whenever the exporter asks.
 *
 * @param meter Where they go.
 * @param read Reads all of them, also those without a value.
 */
export function exportMetrics(
  meter: Meter,
  read: () => readonly MetricReadings[],
): void {
  const instruments = new Map<string, Observable>(
    read().map(({ name, help, type }) => {
      const options = { description: help, ...unitOf(name) };
      return [
        name,
        type === "counter"
          ? meter.createObservableCounter(name, options)
          : meter.createObservableGauge(name, options),
      ];
    }),
  );
  meter.addBatchObservableCallback((result) => {
    for (const { name, readings } of read()) {
      const instrument = instruments.get(name);
      if (!instrument) continue;
      for (const { labels = {}, value } of readings) {
        if (Number.isFinite(value)) result.observe(instrument, value, labels);
      }
    }
  }, [...instruments.values()]);
}
