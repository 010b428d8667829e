import { assertEquals } from "@std/assert";
import {
  decodeCommand,
  decodeState,
  encodeCommand,
  encodeState,
} from "./codec.ts";
import { attempt, register } from "./command_test_kit.ts";
import {
  copy,
  done,
  grantCommand,
  membersOf,
  openState,
} from "./state_test_kit.ts";
import { EMPTY_STATE, MAX_GRANTS, MAX_HISTORY } from "./types.ts";

Deno.test("history and grants are bounded, and newer ones stay", () => {
  let state = openState();
  for (let epoch = 2; epoch <= MAX_GRANTS + 2; epoch += 1) {
    state = done(
      { ...state, rules: state.rules.slice(-1) },
      attempt({
        epoch,
        expected: state.phase as { kind: string; epoch: number },
      }),
      grantCommand({
        epoch,
        timeline: epoch + 1,
        coverage: "covered",
        sealed: [1, 2, 3].map((id) => ({
          ...copy(id),
          position: { epoch: 1, lsn: 1 },
        })),
      }),
    );
  }
  assertEquals(state.grants.length, MAX_GRANTS);
  assertEquals(state.grants.at(-1)?.epoch, MAX_GRANTS + 2);
  assertEquals(state.history.length, MAX_HISTORY);
});

Deno.test("state and commands survive a snapshot and the log", () => {
  const states = [EMPTY_STATE, openState(), done(openState(), attempt())];
  for (const state of states) {
    assertEquals(decodeState(encodeState(state)), state);
  }
  for (const command of [attempt(), grantCommand(), register(1)]) {
    assertEquals(decodeCommand(encodeCommand(command)), command);
  }
});

Deno.test("a snapshot of an older version gets what was added since", () => {
  const { lastHandover: _, ...older } = { ...openState(), members: [] };
  const bytes = new TextEncoder().encode(JSON.stringify(older));
  assertEquals(decodeState(bytes), openState({ members: membersOf() }));
});
