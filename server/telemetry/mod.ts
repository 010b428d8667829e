/**
 * OpenTelemetry: traces of requests through the group, and the node's metrics, by what Deno has built in.
 * Off unless the environment says `OTEL_DENO=true`, and then nothing of it is called.
 *
 * @module
 */
export { exportMetrics, mirrorOf } from "./metering.ts";
export {
  type Attributes,
  type Context,
  type InstrumentOptions,
  type Meter,
  type Observable,
  type ObservableResult,
  openTelemetry,
  type Otel,
  type Span,
  type SpanContext,
  type SpanOptions,
  type Tracer,
} from "./otel.ts";
export { createTracing, type ProposalTrace, type Tracing } from "./tracing.ts";
