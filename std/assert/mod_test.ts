import * as std from "./mod.ts";
import {
  doesNotReject,
  doesNotThrow,
  rejects,
  throws,
} from "node:assert/strict";

// Checked with node:assert: an assertion that never fails would also hide its own defect.
interface Case {
  name: string;
  holds: () => void;
  fails: () => void;
  says: RegExp;
}

const boom = (): never => {
  throw new RangeError("Boom at 7");
};

const cases: Case[] = [
  {
    name: "assert",
    holds: () => std.assert(1),
    fails: () => std.assert(0, "Zero"),
    says: /^Zero$/,
  },
  {
    name: "assertExists",
    holds: () => std.assertExists(0),
    fails: () => std.assertExists(null, "Leader"),
    says: /got null: Leader/,
  },
  {
    name: "assertEquals",
    holds: () => std.assertEquals({ a: [1] }, { a: [1] }),
    fails: () => std.assertEquals({ a: [1] }, { a: [2] }, "Log"),
    says: /2[^]*: Log$/,
  },
  {
    name: "assertEquals of an absent property",
    holds: () => std.assertEquals<object>({ a: undefined }, { a: undefined }),
    fails: () => std.assertEquals<object>({ a: undefined }, {}),
    says: /undefined/,
  },
  {
    name: "assertEquals of bytes",
    holds: () => std.assertEquals(new Uint8Array([1]), new Uint8Array([1])),
    fails: () => std.assertEquals(new Uint8Array([1]), new Uint8Array([2])),
    says: /2/,
  },
  {
    name: "assertEquals of classes",
    holds: () => std.assertEquals(new Map([[1, {}]]), new Map([[1, {}]])),
    fails: () => std.assertEquals<object>(new Set(), new Map()),
    says: /Map/,
  },
  {
    name: "assertNotEquals",
    holds: () => std.assertNotEquals([1], [2]),
    fails: () => std.assertNotEquals([1], [1]),
    says: /anything but \[ 1 \]/,
  },
  {
    name: "assertStrictEquals",
    holds: () => std.assertStrictEquals(NaN, NaN),
    fails: () => std.assertStrictEquals([], []),
    says: /not the same/,
  },
  {
    name: "assertGreater",
    holds: () => std.assertGreater(2, 1),
    fails: () => std.assertGreater(1, 1),
    says: /1 > 1/,
  },
  {
    name: "assertGreaterOrEqual",
    holds: () => std.assertGreaterOrEqual(1, 1),
    fails: () => std.assertGreaterOrEqual(0, 1),
    says: /0 >= 1/,
  },
  {
    name: "assertLess",
    holds: () => std.assertLess(1, 2),
    fails: () => std.assertLess(2, 2),
    says: /2 < 2/,
  },
  {
    name: "assertLessOrEqual",
    holds: () => std.assertLessOrEqual(2, 2),
    fails: () => std.assertLessOrEqual(3, 2),
    says: /3 <= 2/,
  },
  {
    name: "assertMatch",
    holds: () => std.assertMatch("term 3", /\d/),
    fails: () => std.assertMatch("term", /\d/),
    says: /match \/\\d\//,
  },
  {
    name: "assertStringIncludes",
    holds: () => std.assertStringIncludes("leader", "lead"),
    fails: () => std.assertStringIncludes("leader", "x"),
    says: /include 'x'/,
  },
  {
    name: "assertArrayIncludes",
    holds: () => std.assertArrayIncludes([{ a: 1 }, { a: 2 }], [{ a: 2 }]),
    fails: () => std.assertArrayIncludes([1], [1, 2]),
    says: /include \[ 2 \]/,
  },
  {
    name: "assertInstanceOf",
    holds: () => std.assertInstanceOf(new RangeError(), Error),
    fails: () => std.assertInstanceOf(new Error("No"), RangeError),
    says: /class RangeError|of RangeError/,
  },
  {
    name: "assertThrows",
    holds: () => void std.assertThrows(boom),
    fails: () => void std.assertThrows(() => 1, "Late"),
    says: /to throw: Late/,
  },
  {
    name: "assertThrows of a class",
    holds: () => void std.assertThrows(boom, RangeError, "at 7"),
    fails: () => void std.assertThrows(boom, TypeError),
    says: /class TypeError/,
  },
  {
    name: "assertThrows of a message",
    holds: () => void std.assertThrows(boom, Error, ""),
    fails: () => void std.assertThrows(boom, Error, "at 8"),
    says: /'at 8', got 'Boom at 7'/,
  },
];

for (const { name, holds, fails, says } of cases) {
  Deno.test(`${name} holds and fails where it should`, () => {
    doesNotThrow(holds);
    throws(fails, { name: "AssertionError", message: says });
  });
}

Deno.test("fail() and unreachable() always fail", () => {
  throws(() => std.fail("Why"), { name: "AssertionError", message: /Why/ });
  throws(() => std.unreachable("Why"), { name: "AssertionError" });
});

Deno.test("assertMatch() is not misled by the state of a global pattern", () => {
  const pattern = /a/g;
  pattern.lastIndex = 1;

  std.assertMatch("a", pattern);
});

Deno.test("assertRejects() holds and fails where it should", async () => {
  const reject = () => Promise.reject(new RangeError("Boom"));

  await doesNotReject(std.assertRejects(reject, RangeError, "Boo"));
  await rejects(std.assertRejects(reject, TypeError), {
    name: "AssertionError",
    message: /class TypeError/,
  });
  await rejects(std.assertRejects(reject, RangeError, "x"), {
    message: /'x', got 'Boom'/,
  });
  await rejects(std.assertRejects(() => Promise.resolve()), {
    message: /to reject/,
  });
  await rejects(std.assertRejects(boom), { message: /but it threw/ });
});

Deno.test("assertThrows() returns what was thrown", () => {
  std.assertStrictEquals(
    std.assertThrows(boom, RangeError).message,
    "Boom at 7",
  );
});
