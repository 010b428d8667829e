import { assertEquals } from "@std/assert";
import { type CancelQuestions, judgeCancel } from "./cancels.ts";

/** Answers in turn; null rejects. Every pause is over at once. */
function questions(
  answers: readonly (boolean | null)[],
  livesFor = Infinity,
): CancelQuestions {
  let asked = 0;
  return {
    clock: {
      nowMs: () => 0,
      after: (_ms, run) => {
        queueMicrotask(run);
        return { cancel: () => {} };
      },
    },
    isLive: () => asked < livesFor,
    isAwaitingSync: () => {
      const answer = answers[asked++];
      return answer === null || answer === undefined
        ? Promise.reject(new Error("nobody answers"))
        : Promise.resolve(answer);
    },
  };
}

Deno.test("judgeCancel() lets a request go whose statement does not wait", async () => {
  assertEquals(await judgeCancel(questions([false])), "at_once");
});

Deno.test("judgeCancel() holds a request until the wait is over", async () => {
  assertEquals(await judgeCancel(questions([true, true, false])), "after_wait");
});

Deno.test("judgeCancel() holds a request while nobody can say", async () => {
  assertEquals(await judgeCancel(questions([null, null, false])), "after_wait");
});

Deno.test("judgeCancel() drops a request when the reign is over", async () => {
  assertEquals(await judgeCancel(questions([true, true], 2)), "over");
});
