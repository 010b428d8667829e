import { assertEquals } from "@std/assert";
import { changeConfiguration, MAX_MEMBERS } from "./configuration.ts";
import type { Configuration, Member } from "./types.ts";

function configurationOf(size: number): Configuration {
  const members = Array.from({ length: size }, (_, at): Member => ({
    id: at + 1,
    incarnation: 1,
    role: "voter",
    promoteTo: null,
    address: "",
  }));
  return { members, leaseReads: false };
}

Deno.test("changeConfiguration() refuses a member too many instead of ending the leader", () => {
  const add = {
    kind: "add",
    id: 1000,
    incarnation: 1,
    address: "",
    promoteTo: null,
  } as const;

  const full = changeConfiguration(configurationOf(MAX_MEMBERS), add);
  assertEquals(full, "too_many_members");

  const roomy = changeConfiguration(configurationOf(MAX_MEMBERS - 1), add);
  assertEquals(typeof roomy, "object");
