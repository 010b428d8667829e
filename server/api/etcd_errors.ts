import {
  REVISION_COMPACTED,
  REVISION_IN_FUTURE,
} from "../../raft/machines/mod.ts";
import { present } from "../../base/mod.ts";
import { Problem, type ProblemCode } from "../http/mod.ts";

/** The numbers of gRPC that etcd's errors have, and our words for them. */
const KINDS: ReadonlyMap<string, readonly [grpc: number, code: ProblemCode]> =
  new Map([
    ["etcdserver: key is not provided", [3, "bad_request"]],
    ["etcdserver: duplicate key given in txn request", [3, "bad_request"]],
    ["etcdserver: too many operations in txn request", [3, "bad_request"]],
    ["etcdserver: requested lease not found", [5, "not_found"]],
    ["etcdserver: lease already exists", [9, "bad_request"]],
    ["etcdserver: too large lease TTL", [11, "bad_request"]],
    [REVISION_COMPACTED, [11, "bad_request"]],
    [REVISION_IN_FUTURE, [11, "bad_request"]],
  ]);

/** Whether an error is one that etcd knows. */
export function isEtcdError(sentence: string): boolean {
  return KINDS.has(sentence);
}

/**
 * Makes the problem of an error that etcd knows: with its `error`, `message` and number, beside what
 * every problem says.
 *
 * @param sentence Etcd's sentence for it.
 * @returns The problem.
 */
export function etcdProblem(sentence: string): Problem {
  const [grpc, code] = present(KINDS.get(sentence), `etcd's "${sentence}"`);
  const extra = { error: sentence, message: sentence, code: grpc };
  return new Problem(code, sentence, { extra });
}
