// What of OpenTelemetry's JavaScript interface is used. Deno has it built in, with its exporters, and hands
// it out as Deno.telemetry: no package is needed.

/** Where a span belongs. */
export interface SpanContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** 16 hexadecimal digits. */
  readonly spanId: string;
  /** Bit 0: sampled. */
  readonly traceFlags: number;
}

/** Values by name. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

/** A stretch of work. */
export interface Span {
  spanContext(): SpanContext;
  setAttributes(attributes: Attributes): void;
  setStatus(status: { readonly code: number; readonly message?: string }): void;
  updateName(name: string): void;
  end(): void;
}

/** What a span is started in. */
export interface Context {
  getValue(key: symbol): unknown;
  setValue(key: symbol, value: unknown): Context;
}

/** How a span is started. */
export interface SpanOptions {
  readonly kind?: number;
  readonly attributes?: Attributes;
}

/** Starts spans. */
export interface Tracer {
  startSpan(name: string, options: SpanOptions, context: Context): Span;
}

/** An instrument whose values are asked for. */
export type Observable = object;

/** What asks for values. */
export interface ObservableResult {
  observe(instrument: Observable, value: number, attributes: Attributes): void;
}

/** What an instrument is. */
export interface InstrumentOptions {
  readonly description: string;
  readonly unit?: string;
  readonly advice?: { readonly explicitBucketBoundaries: number[] };
}

/** Makes instruments. */
export interface Meter {
  createHistogram(
    name: string,
    options: InstrumentOptions,
  ): { record(value: number, attributes: Attributes): void };
  createObservableCounter(name: string, options: InstrumentOptions): Observable;
  createObservableGauge(name: string, options: InstrumentOptions): Observable;
  addBatchObservableCallback(
    read: (result: ObservableResult) => void,
    instruments: Observable[],
  ): void;
}

/** The numbers of kinds of spans that are used. */
export const SPAN_KIND = { internal: 0, producer: 3, consumer: 4 } as const;

/** The status of a span whose work failed. */
export const STATUS_ERROR = 2;

/** What is built in, when it is switched on. */
export interface Otel {
  readonly tracer: Tracer;
  readonly meter: Meter;
  active(): Context;
}

/** Where a context keeps its span; the interface's own name for it. */
export const SPAN_KEY = Symbol.for("OpenTelemetry Context Key SPAN");

/** Where Deno puts its own parts when it is switched on. */
const API_KEY = Symbol.for("opentelemetry.js.api.1");

/**
 * Takes what Deno has built in.
 *
 * @param version The program's version.
 * @returns It, or null where the environment does not have it on (`OTEL_DENO=true`).
 */
export function openTelemetry(version: string): Otel | null {
  if (Reflect.get(globalThis, API_KEY) === undefined) return null;
  const { tracerProvider, meterProvider, contextManager } = Deno.telemetry;
  return {
    tracer: tracerProvider.getTracer("pgraft", version),
    meter: meterProvider.getMeter("pgraft", version),
    active: () => contextManager.active(),
  };
}
