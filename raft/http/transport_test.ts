import { assertEquals } from "@std/assert";
import { present, seededRandom } from "../../base/mod.ts";
import { sampleMessage, sampleMessages } from "./sample_messages.ts";
import { introduce, until, untilConnected, withNodes } from "./test_nodes.ts";

const SECRET = new TextEncoder().encode("a secret of the cluster");

Deno.test("send() carries every kind of message, both ways", async () => {
  const secret = { secret: SECRET };
  await withNodes([secret, secret], async (...nodes) => {
    introduce(nodes);
    await untilConnected(nodes);
    for (const [here, there] of [nodes, nodes.toReversed()]) {
      const a = present(here, "node"), b = present(there, "node");
      const options = { from: a.id, to: b.id, maxDataBytes: 5000 };
      const sent = sampleMessages(seededRandom(5), options);
      for (const message of sent) a.transport.send(message);
      await until("all have come", () => b.messages.length === sent.length);
      const byKind = (kind: string): unknown =>
        b.messages.find((message) => message.kind === kind);
      for (const message of sent) assertEquals(byKind(message.kind), message);
    }
  });
});

Deno.test("send() keeps the order of appends", async () => {
  await withNodes([{}, {}], async (a, b) => {
    introduce([a, b]);
    await untilConnected([a, b]);
    const random = seededRandom(9);
    const sent = Array.from(
      { length: 500 },
      () =>
        sampleMessage(random, "append", { from: 1, to: 2, maxDataBytes: 9000 }),
    );
    for (const message of sent) a.transport.send(message);
    await until("all have come", () => b.messages.length === sent.length);
    assertEquals(b.messages, sent);
  });
});
