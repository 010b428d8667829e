import { assertEquals } from "@std/assert";
import {
  acknowledge,
  addInflight,
  becomeProbe,
  becomeReplicate,
  createProgress,
  freeOneInflight,
  type Progress,
  reject,
} from "./progress.ts";

/** A member that streams: 5 is known to be there, 6 to 8 and 9 to 10 are on their way. */
function streaming(): Progress {
  const progress = createProgress(2, 6, 0);
  acknowledge(progress, 5);
  becomeReplicate(progress);
  addInflight(progress, 8, 300);
  addInflight(progress, 10, 200);
  progress.next = 11;
  return progress;
}

Deno.test("acknowledge() frees what is answered, and moves forward only", () => {
  const table = [
    { ack: 4, news: false, match: 5, next: 11, inflightBytes: 500 },
    { ack: 5, news: false, match: 5, next: 11, inflightBytes: 500 },
    { ack: 7, news: true, match: 7, next: 11, inflightBytes: 500 },
    { ack: 8, news: true, match: 8, next: 11, inflightBytes: 200 },
    { ack: 10, news: true, match: 10, next: 11, inflightBytes: 0 },
    { ack: 12, news: true, match: 12, next: 13, inflightBytes: 0 },
  ];
  for (const { ack, news, ...expected } of table) {
    const progress = streaming();
    assertEquals(acknowledge(progress, ack), news, `ack ${ack}`);
    const { match, next, inflightBytes } = progress;
    assertEquals({ match, next, inflightBytes }, expected, `ack ${ack}`);
  }
});

Deno.test("a rejection of something older than what matches changes nothing", () => {
  for (const rejected of [0, 4, 5]) {
    const progress = streaming();
    assertEquals(reject(progress, rejected, 0), false);
    assertEquals(progress.state.kind, "replicate");
  }
});

Deno.test("a rejection while streaming starts a probe behind the last match", () => {
  const progress = streaming();
  assertEquals(reject(progress, 8, 7), true);
  const { next, inflightBytes, inflight, state } = progress;
  assertEquals([next, inflightBytes, inflight.length, state.kind], [
    6,
    0,
    0,
    "probe",
  ]);
});

Deno.test("a rejected probe goes back to the hint, at least one, and never below the match", () => {
  const table = [
    { match: 0, next: 20, rejected: 19, hint: 7, expected: 8 },
    { match: 0, next: 20, rejected: 19, hint: 30, expected: 19 },
    { match: 9, next: 20, rejected: 19, hint: 3, expected: 10 },
    { match: 0, next: 2, rejected: 1, hint: 0, expected: 1 },
    { match: 0, next: 20, rejected: 12, hint: 3, expected: 20 },
  ];
  for (const { match, next, rejected, hint, expected } of table) {
    const progress = createProgress(2, next, 0);
    progress.match = match;
    progress.state = { kind: "probe", sent: true };
    const news = reject(progress, rejected, hint);
    assertEquals([news, progress.next], [rejected === next - 1, expected]);
    assertEquals(progress.state, { kind: "probe", sent: !news });
  }
});

Deno.test("a member that is sent a snapshot ignores rejections", () => {
  const progress = createProgress(2, 6, 0);
  const configuration = { members: [], leaseReads: false };
  const snapshot = {
    index: 9,
    term: 1,
    configuration,
    configurationIndex: 1,
    sizeBytes: 1,
  };
  progress.state = {
    kind: "snapshot",
    snapshot,
    offset: 0,
    waiting: true,
    sentAtMs: 0,
  };
  assertEquals(reject(progress, 5, 0), false);
});

Deno.test("room made by force and by a probe leaves no byte counted", () => {
  const progress = streaming();
  freeOneInflight(progress);
  assertEquals([progress.inflight.length, progress.inflightBytes], [1, 200]);
  becomeProbe(progress);
  assertEquals([progress.inflight.length, progress.inflightBytes], [0, 0]);
  freeOneInflight(progress);
  assertEquals(progress.inflightBytes, 0);
});
