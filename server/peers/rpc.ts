import { messageOf } from "../../base/mod.ts";
import { RaftError } from "../../raft/mod.ts";
import { Problem, type ProblemCode } from "../http/mod.ts";

/** What a call between nodes came to. */
export type RpcAnswer =
  | { readonly ok: true; readonly value: unknown }
  | {
    readonly ok: false;
    readonly code: ProblemCode;
    readonly detail: string;
  };

/** Encodes what is sent between nodes. */
export function encodeJson(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

/** Decodes what {@linkcode encodeJson} made; null for an empty body. */
export function decodeJson(bytes: Uint8Array): unknown {
  if (bytes.length === 0) return null;
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Runs what a peer asked for; whatever goes wrong travels back. */
export async function answerRpc(
  run: () => Promise<unknown>,
): Promise<RpcAnswer> {
  try {
    return { ok: true, value: await run() };
  } catch (error) {
    return { ok: false, code: codeOf(error), detail: messageOf(error) };
  }
}

function codeOf(error: unknown): ProblemCode {
  if (error instanceof Problem) return error.code;
  if (!(error instanceof RaftError)) return "internal";
  switch (error.code) {
    case "membership":
      return "conflict";
    case "not_leader":
    case "no_quorum":
    case "busy":
    case "outcome_unknown":
      return error.code;
    default:
      return "stopping";
  }
}

/** What a peer answered, or the problem that it reported. */
export function valueOf(answer: RpcAnswer): unknown {
  if (answer.ok) return answer.value;
  throw new Problem(answer.code, answer.detail);
}
