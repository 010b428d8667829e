import { createHash, timingSafeEqual } from "node:crypto";
import { isLoopback } from "../../base/mod.ts";
import type { Caller } from "../audit/mod.ts";
import { Problem } from "./problem.ts";
import type { Access, Route } from "./route.ts";

/** Who may call, beside loopback. */
export interface AccessRules {
  /** May do everything; null when there is none. */
  readonly adminToken: string | null;
  /** May read; null when there is none. */
  readonly readToken: string | null;
  /** What a `Host` header may say, without a token: `host:port` of this node, and of loopback. */
  readonly hosts: ReadonlySet<string>;
}

/**
 * Checks whether a call is let in.
 *
 * @param rules Tokens and names.
 * @param route What is called.
 * @param request The request.
 * @param remoteHost Where it comes from.
 * @returns By what it was let in.
 * @throws {Problem} When it is not.
 */
export function checkAccess(
  rules: AccessRules,
  { access, anyContentType = false }: Pick<Route, "access" | "anyContentType">,
  request: Request,
  remoteHost: string,
): Caller {
  if (access === "open") return "nobody";
  const authorization = request.headers.get("authorization");
  if (authorization !== null) {
    return checkToken(rules, access, authorization);
  }
  if (!isLoopback(remoteHost)) {
    throw new Problem(
      "unauthorized",
      "Calls from other machines need a token: send Authorization: Bearer …",
      { headers: { "www-authenticate": "Bearer" } },
    );
  }
  checkBrowser(rules, request);
  if (access === "change") checkContentType(request, anyContentType);
  return "loopback";
}

function checkToken(
  { adminToken, readToken }: AccessRules,
  access: Access,
  authorization: string,
): Caller {
  const token = /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? "";
  if (isSame(token, adminToken)) return "admin token";
  if (!isSame(token, readToken)) {
    throw new Problem("unauthorized", "The token is not one of this node", {
      headers: { "www-authenticate": 'Bearer error="invalid_token"' },
    });
  }
  if (access === "change") {
    throw new Problem("forbidden", "The token may read only; use the admin's");
  }
  return "read token";
}

/** Compared by their digests, so that not even the length shows in the time. */
function isSame(token: string, expected: string | null): boolean {
  if (expected === null) return false;
  return timingSafeEqual(digest(token), digest(expected));
}

function digest(token: string): Uint8Array {
  return createHash("sha256").update(token).digest();
}

/** Without a token a page in a browser on this machine must not get through (DNS rebinding, CSRF). */
function checkBrowser(
  { hosts }: AccessRules,
  request: Request,
): void {
  const host = request.headers.get("host");
  if (host !== null && !hosts.has(host)) {
    throw new Problem(
      "forbidden",
      `The host "${host}" is not this node's; use its address, or a token`,
    );
  }
  const origin = request.headers.get("origin");
  if (origin !== null && !hosts.has(origin.replace(/^https?:\/\//, ""))) {
    throw new Problem("forbidden", `The origin "${origin}" may not call`);
  }
}

function checkContentType(request: Request, anyContentType: boolean): void {
  if (request.method === "DELETE") return;
  const type = request.headers.get("content-type") ?? "";
  if (/^application\/json\b/i.test(type)) return;
  // A browser says where a call comes from; without that it is a program.
  if (anyContentType && !request.headers.has("sec-fetch-site")) return;
  throw new Problem(
    "unsupported_media_type",
    "Changes without a token need the content type application/json",
  );
}
