import type { Configuration, Member, SnapshotMeta } from "../core/mod.ts";
import { isNodeId } from "./bytes.ts";
import { FrameError, type HelloFrame } from "./frame.ts";

const MAX_MEMBERS = 1000;
const MAX_TEXT = 1024;
const ROLES = ["voter", "witness", "learner"] as const;
const PROMOTIONS = ["voter", "witness"] as const;

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FrameError(`Frame has no ${what}`);
  }
  return { ...value };
}

function countOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw new FrameError(`Frame has no whole number for ${name}`);
  }
  return value;
}

function nodeIdOf(fields: Fields, name: string): number {
  const value = fields[name];
  if (!isNodeId(value)) throw new FrameError(`Frame has no node for ${name}`);
  return value;
}

function textOf(fields: Fields, name: string): string {
  const value = fields[name];
  if (typeof value !== "string" || value.length > MAX_TEXT) {
    throw new FrameError(`Frame has no text for ${name}`);
  }
  return value;
}

function nameOf<const T extends string>(
  fields: Fields,
  name: string,
  names: readonly T[],
): T {
  const found = names.find((known) => known === fields[name]);
  if (found === undefined) {
    throw new FrameError(`Frame has no ${name} of ${names.join(", ")}`);
  }
  return found;
}

function memberFrom(value: unknown): Member {
  const fields = fieldsOf(value, "member");
  return {
    id: nodeIdOf(fields, "id"),
    incarnation: countOf(fields, "incarnation"),
    role: nameOf(fields, "role", ROLES),
    promoteTo: fields.promoteTo === null
      ? null
      : nameOf(fields, "promoteTo", PROMOTIONS),
    address: textOf(fields, "address"),
  };
}

function configurationFrom(value: unknown): Configuration {
  const { members, leaseReads } = fieldsOf(value, "configuration");
  if (!Array.isArray(members) || members.length > MAX_MEMBERS) {
    throw new FrameError("Frame has no list of members");
  }
  if (typeof leaseReads !== "boolean") {
    throw new FrameError("Frame has no true or false for leaseReads");
  }
  const checked = members.map(memberFrom);
  checked.forEach((member, at) => {
    const before = checked[at - 1];
    if (before !== undefined && before.id >= member.id) {
      throw new FrameError("Frame has members out of order");
    }
  });
  return { members: checked, leaseReads };
}

/**
 * Checks what must be a snapshot's description.
 *
 * @param value Parsed JSON.
 * @returns The description, with nothing else in it.
 * @throws {FrameError} When it is none.
 */
export function snapshotMetaFrom(value: unknown): SnapshotMeta {
  const fields = fieldsOf(value, "snapshot");
  return {
    index: countOf(fields, "index"),
    term: countOf(fields, "term"),
    configuration: configurationFrom(fields.configuration),
    configurationIndex: countOf(fields, "configurationIndex"),
    sizeBytes: countOf(fields, "sizeBytes"),
  };
}

/**
 * Checks what must be the first frame of a stream.
 *
 * @param value Parsed JSON.
 * @returns The frame, with nothing else in it.
 * @throws {FrameError} When it is none.
 */
export function helloFrom(value: unknown): HelloFrame {
  const fields = fieldsOf(value, "hello");
  return {
    type: "hello",
    clusterId: textOf(fields, "clusterId"),
    nodeId: nodeIdOf(fields, "nodeId"),
    incarnation: countOf(fields, "incarnation"),
    bootId: textOf(fields, "bootId"),
    proof: textOf(fields, "proof"),
  };
}
