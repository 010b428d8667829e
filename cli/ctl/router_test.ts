import { assertEquals } from "@std/assert";
import { ctl, routes } from "./ctl_test_kit.ts";

const IDLE = {
  drained: false,
  why_waiting: null,
  sessions: [],
  opening: 0,
  waiting: 0,
  longest_wait_ms: 0,
  cancels: 0,
  accepted: 0,
  refused: { too_many: 0 },
  ended: {},
  bytes_from_clients: 0,
  bytes_from_servers: 0,
};

const BUSY = {
  ...IDLE,
  why_waiting: "Epoch 3 is about to open",
  sessions: [
    { port: "read_write", node: 1, role: "primary", epoch: 2, count: 12 },
    { port: "read_only", node: 3, role: "standby", epoch: 0, count: 4 },
  ],
  waiting: 7,
  longest_wait_ms: 321,
  accepted: 1000,
  refused: { too_many: 0, wait_timeout: 2 },
  ended: { epoch_over: 12, idle: 1 },
  bytes_from_clients: 2048,
  bytes_from_servers: 1 << 20,
};

Deno.test("ctl router status shows where sessions lead, who waits and who was refused", async () => {
  const { code, out, err } = await ctl(
    ["router", "status"],
    routes({ "GET /v1/router": BUSY }),
  );
  assertEquals([code, err], [0, ""]);
  assertEquals(
    out,
    `Writers wait: Epoch 3 is about to open
Waiting: 7, the longest for 321 ms; opening: 0; cancel requests: 0
Since its start: 1000 accepted; refused: 2 wait_timeout; ended: 12 epoch_over, 1 idle
Bytes: 2.0 kB from clients, 1.0 MB from servers

PORT        NODE  ROLE     EPOCH  SESSIONS
read_write  1     primary  2      12
read_only   3     standby  -      4
`,
  );
});

for (
  const [what, drained, want] of [
    ["drain", true, "Drained: it takes no new sessions\n"],
    ["resume", false, "It takes sessions\n"],
  ] as const
) {
  Deno.test(`ctl router ${what} says what became of it`, async () => {
    const path = `POST /v1/router/${what}`;
    const { code, out, err, seen } = await ctl(
      ["router", what],
      routes({ [path]: { ...IDLE, drained } }),
    );
    assertEquals([code, err, out], [0, "", want]);
    assertEquals(seen[0]?.body, {});
  });
}
