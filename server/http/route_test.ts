import { assertEquals } from "@std/assert";
import { type Answer, jsonAnswer } from "./json.ts";
import { createRouteTable, type Route } from "./route.ts";

function route(method: Route["method"], path: string): Route {
  const handle = (): Answer => jsonAnswer({});
  return { method, path, access: "open", summary: path, handle };
}

const TABLE = createRouteTable([
  route("GET", "/v1/log"),
  route("POST", "/v1/log"),
  route("GET", "/v1/log/wait"),
  route("GET", "/v1/log/:index"),
  route("GET", "/v1/kv/:key*"),
  route("PUT", "/v1/kv/:key*"),
  route("POST", "/v1/nodes/:id/promote"),
]);

const CASES: [method: string, path: string, want: unknown][] = [
  ["GET", "/v1/log", ["/v1/log", {}]],
  ["HEAD", "/v1/log", ["/v1/log", {}]],
  ["GET", "/v1/log/wait", ["/v1/log/wait", {}]],
  ["GET", "/v1/log/7", ["/v1/log/:index", { index: "7" }]],
  ["GET", "/v1/kv/a", ["/v1/kv/:key*", { key: "a" }]],
  ["GET", "/v1/kv/a/b//c", ["/v1/kv/:key*", { key: "a/b//c" }]],
  ["GET", "/v1/kv/a%2Fb%20%C3%BC", ["/v1/kv/:key*", { key: "a/b ü" }]],
  ["POST", "/v1/nodes/3/promote", ["/v1/nodes/:id/promote", { id: "3" }]],
  ["DELETE", "/v1/log", ["GET", "HEAD", "POST"]],
  ["POST", "/v1/log/wait", ["GET", "HEAD"]],
  ["PATCH", "/v1/kv/a", ["GET", "HEAD", "PUT"]],
  ["HEAD", "/v1/nodes/3/promote", ["POST"]],
  ["GET", "/v1/log/", null],
  ["GET", "/v1/log/7/8", null],
  ["GET", "/v1/kv/", null],
  ["GET", "/v1/kv/%FF", null],
  ["GET", "/V1/log", null],
  ["GET", "/", null],
  ["GET", "", null],
  ["POST", "/v1/nodes//promote", null],
  ["GET", "/v1/constructor", null],
];

for (const [method, path, want] of CASES) {
  Deno.test(`${method} "${path}" finds ${JSON.stringify(want)}`, () => {
    const match = TABLE.find(method, path);
    const found = match.kind === "route"
      ? [match.route.path, { ...match.params }]
      : match.kind === "other_methods"
      ? match.allow
      : null;
    assertEquals(found, want);
  });
}
