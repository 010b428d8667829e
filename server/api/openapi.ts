import {
  type AnswerShape,
  jsonAnswer,
  type JsonSchema,
  PROBLEM_STATUS,
  type Route,
} from "../http/mod.ts";
import { defineRoute } from "./define.ts";

/** The path of the description. */
export const OPENAPI_PATH = "/openapi.json";

const ANY_JSON: AnswerShape = { summary: "Done", schema: {} };
const PROBLEM = { $ref: "#/components/responses/problem" };

/**
 * The route that describes all others, and itself.
 *
 * @param version The program's version.
 * @param others The routes beside it.
 */
export function openapiRoute(version: string, others: readonly Route[]): Route {
  const route = defineRoute({
    method: "GET",
    path: OPENAPI_PATH,
    access: "read",
    summary: "All routes in OpenAPI 3.1",
    answers: {
      200: { summary: "The description", schema: { type: "object" } },
    },
    handle: () => {
      text ??= openapiOf(version, [...others, route]);
      return jsonAnswer(text);
    },
  });
  let text: JsonSchema | null = null;
  return route;
}

/**
 * Describes routes in OpenAPI 3.1.
 *
 * @param version The program's version.
 * @param routes The table that also routes and validates.
 */
export function openapiOf(
  version: string,
  routes: readonly Route[],
): JsonSchema {
  const paths: Record<string, Record<string, JsonSchema>> = {};
  for (const route of routes) {
    const path = templateOf(route.path);
    const operations = paths[path] ??= {};
    operations[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "pgraft",
      version,
      description:
        "A node of a pgraft cluster. docs/api.md says what the routes are for.",
    },
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: { problem: problemSchema() },
      responses: {
        problem: {
          description: "A problem (RFC 9457)",
          content: {
            "application/problem+json": {
              schema: { $ref: "#/components/schemas/problem" },
            },
          },
        },
      },
    },
  };
}

/** OpenAPI has no parameter that takes in slashes: `:key*` is one whose slashes are escaped. */
function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)\*?/g, "{$1}");
}

function operationOf(route: Route): JsonSchema {
  const answers = route.answers ?? { 200: ANY_JSON };
  return {
    operationId: operationIdOf(route),
    summary: route.summary,
    // Loopback needs no token for these, which OpenAPI can only say as a choice.
    security: route.access === "open" ? [] : [{ token: [] }, {}],
    ...parametersOf(route),
    ...bodyOf(route),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, shape]) => [
          status,
          responseOf(shape),
        ]),
      ),
      default: PROBLEM,
    },
  };
}

function operationIdOf({ method, path }: Route): string {
  const words = path.replaceAll(/[:*]/g, "").match(/\w+/g) ?? [];
  return [method.toLowerCase(), ...words].join("_");
}

function parametersOf(route: Route): JsonSchema {
  const inPath = [...route.path.matchAll(/:(\w+)/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    description: route.params?.[name]?.summary ?? name,
    schema: route.params?.[name]?.schema ?? { type: "string" },
  }));
  const inQuery = Object.entries(route.query ?? {}).map(([name, shape]) => ({
    name,
    in: "query",
    required: shape.required,
    description: shape.summary,
    schema: shape.schema,
  }));
  const parameters = [...inPath, ...inQuery];
  return parameters.length > 0 ? { parameters } : {};
}

function bodyOf({ body }: Route): JsonSchema {
  if (!body) return {};
  return {
    requestBody: {
      required: !body.optional,
      content: { "application/json": { schema: body.schema } },
    },
  };
}

function responseOf(shape: AnswerShape): JsonSchema {
  const { summary, contentType = "application/json", schema } = shape;
  return {
    description: summary,
    content: { [contentType]: { schema: schema ?? { type: "string" } } },
  };
}

function problemSchema(): JsonSchema {
  return {
    type: "object",
    properties: {
      type: { type: "string" },
      title: { type: "string" },
      status: { type: "integer" },
      code: {
        description: "What went wrong; etcd's routes may name gRPC's number",
        anyOf: [{ enum: Object.keys(PROBLEM_STATUS) }, { type: "integer" }],
      },
      detail: { type: "string" },
      request_id: { type: "string" },
      leader: {
        type: "object",
        properties: { id: { type: "integer" }, api: { type: "string" } },
      },
    },
    required: ["type", "title", "status", "code", "detail", "request_id"],
  };
}
