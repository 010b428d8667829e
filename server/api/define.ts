import * as v from "valibot";
import type {
  Answer,
  AnswerShape,
  AnswerShapes,
  BodyShape,
  Call,
  ParameterShape,
  Route,
} from "../http/mod.ts";
import { parseBody, wholeNumber, yesOrNoIn } from "./input.ts";
import { jsonSchemaOf } from "./json_schema.ts";

/** A parameter: how it is described and how it is read, in one. */
export interface Parameter<T> extends ParameterShape {
  /** Reads it; null when it is not there. Throws a problem that names it when it does not fit. */
  read(name: string, text: string | null): T;
}

/** A body: how it is described and how it is read, in one. */
export interface Body<T> extends BodyShape {
  /** Reads it. Throws a problem that names the field that does not fit. */
  read(text: string): T;
}

type Parameters = Readonly<Record<string, Parameter<unknown>>>;
type None = Readonly<Record<never, never>>;

/** What parameters say. */
type Read<P extends Parameters> = {
  readonly [K in keyof P]: P[K] extends Parameter<infer T> ? T : never;
};

/** What a request says, checked. */
export interface Input<P extends Parameters, Q extends Parameters, B> {
  readonly params: Read<P>;
  readonly query: Read<Q>;
  readonly body: B;
}

/** A route whose handler gets what the table says. */
export interface Definition<P extends Parameters, Q extends Parameters, B>
  extends
    Pick<
      Route,
      "method" | "path" | "access" | "anyContentType" | "isData" | "summary"
    > {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: Body<B>;
  readonly answers: AnswerShapes;
  readonly handle: (
    input: Input<P, Q, B>,
    call: Call,
  ) => Answer | Promise<Answer>;
}

/**
 * Makes a route whose parameters and body are read by what describes them.
 *
 * @param definition The route.
 * @returns The same for the table.
 */
export function defineRoute<
  P extends Parameters = None,
  Q extends Parameters = None,
  B = undefined,
>(definition: Definition<P, Q, B>): Route {
  const { params, query, body, handle } = definition;
  const paramNames = Object.entries(params ?? {});
  const queryNames = Object.entries(query ?? {});
  return {
    ...definition,
    handle: (call) =>
      handle({
        params: readAll(
          paramNames,
          (name) => call.params[name] ?? null,
        ) as Read<P>,
        query: readAll(queryNames, (name) => call.query.get(name)) as Read<Q>,
        body: body?.read(call.body) as B,
      }, call),
  };
}

const NOTHING: Readonly<Record<string, unknown>> = {};

function readAll(
  parameters: readonly (readonly [string, Parameter<unknown>])[],
  textOf: (name: string) => string | null,
): Readonly<Record<string, unknown>> {
  if (parameters.length === 0) return NOTHING;
  const values: Record<string, unknown> = {};
  for (const [name, parameter] of parameters) {
    values[name] = parameter.read(name, textOf(name));
  }
  return values;
}

/** A body that fits a schema. */
export function bodyOf<S extends v.GenericSchema>(
  schema: S,
): Body<v.InferOutput<S>> {
  return {
    schema: jsonSchemaOf(schema),
    optional: v.safeParse(schema, {}).success,
    read: (text) => parseBody(schema, text),
  };
}

/** A body that says nothing. */
export const EMPTY_BODY: Body<unknown> = bodyOf(v.strictObject({}));

/** Bounds of a number. */
interface Bounds {
  /** @default {0} */
  readonly min?: number;
  /** @default {2 ** 53 - 1} */
  readonly max?: number;
}

/** A whole number that must be there. */
export function whole(summary: string, bounds: Bounds = {}): Parameter<number> {
  return {
    schema: numberSchema(bounds),
    summary,
    required: true,
    read: (name, text) => wholeNumber(name, text ?? "", bounds),
  };
}

/** A whole number that may be left out. */
export function wholeOr<T extends number | null>(
  fallback: T,
  summary: string,
  bounds: Bounds = {},
): Parameter<number | T> {
  const schema = numberSchema(bounds);
  return {
    schema: fallback === null ? schema : { ...schema, default: fallback },
    summary,
    required: false,
    read: (name, text) =>
      text === null ? fallback : wholeNumber(name, text, bounds),
  };
}

function numberSchema({ min = 0, max }: Bounds): Record<string, unknown> {
  return {
    type: "integer",
    minimum: min,
    ...(max === undefined ? {} : { maximum: max }),
  };
}

/** A yes or no; absent means no. */
export function yesOrNo(summary: string): Parameter<boolean> {
  return {
    schema: { enum: ["true", "false", ""], default: "false" },
    summary,
    required: false,
    read: yesOrNoIn,
  };
}

/** Any text; empty when it is not there. */
export function anyText(
  summary: string,
  { required = false }: { readonly required?: boolean } = {},
): Parameter<string> {
  const schema = { type: "string" };
  return { schema, summary, required, read: (_name, text) => text ?? "" };
}

/** The number of a member in a path. */
export const MEMBER_ID: Parameter<number> = whole("The member's number", {
  min: 1,
  max: 1000,
});

/** Says what a JSON answer is. */
export function answerOf(
  summary: string,
  schema: v.GenericSchema,
): AnswerShape {
  return { summary, schema: jsonSchemaOf(schema) };
}
