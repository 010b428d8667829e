import { assertEquals } from "@std/assert";
import { createNumbered, type Numbered } from "./numbered.ts";
import { seededRandom } from "./random.ts";

interface Value {
  readonly of: number;
}

function filled(...numbers: number[]): Numbered<Value> {
  const numbered = createNumbered<Value>();
  for (const of of numbers) numbered.set(of, { of });
  return numbered;
}

function numbersIn(numbered: Numbered<Value>): number[] {
  return Array.from(numbered, ([number, { of }]) => {
    assertEquals(of, number);
    return number;
  });
}

Deno.test("createNumbered() hands values out by number, and all of them by rising numbers", () => {
  const numbered = filled(9, 7, 12, 8);
  assertEquals(numbersIn(numbered), [7, 8, 9, 12]);
  assertEquals(numbered.get(12), { of: 12 });
  assertEquals([0, 6, 10, 13, 7 + 64].filter(numbered.get), []);
  assertEquals([numbered.size, numbered.lowest], [4, 7]);
});

Deno.test("createNumbered() replaces the value of a number that has one", () => {
  const numbered = filled(7, 7);
  assertEquals([numbered.size, numbersIn(numbered)], [1, [7]]);
});

Deno.test("createNumbered() has the next number with a value for the lowest when the lowest goes", () => {
  const numbered = filled(7, 9);
  numbered.delete(8);
  numbered.delete(7);
  numbered.delete(7);
  assertEquals([numbered.size, numbered.lowest], [1, 9]);
  numbered.delete(9);
  assertEquals([numbered.size, numbered.lowest], [0, undefined]);
});

Deno.test("dropBelow() lets go of all lower numbers, and of no other", () => {
  const numbered = filled(7, 8, 9, 200);
  numbered.dropBelow(9);
  assertEquals(numbersIn(numbered), [9, 200]);
  numbered.dropBelow(3);
  assertEquals(numbersIn(numbered), [9, 200]);
  numbered.dropBelow(1000);
  assertEquals([numbersIn(numbered), numbered.lowest], [[], undefined]);
});

Deno.test("values may be let go of, and come, while they are gone through", () => {
  const numbered = filled(7, 8, 9);
  const seen: number[] = [];
  for (const [number] of numbered) {
    seen.push(number);
    numbered.delete(number);
    if (number === 8) numbered.set(200, { of: 200 });
  }
  assertEquals(seen, [7, 8, 9, 200]);
  assertEquals(numbered.size, 0);
});

Deno.test("createNumbered() holds what a Map holds, whatever comes and goes", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const source = seededRandom(seed);
    const random = (): number => source.next();
    const numbered = createNumbered<Value>();
    const model = new Map<number, Value>();
    let last = Math.floor(random() * 2 ** 40);
    for (let step = 0; step < 400; step++) {
      const near = last - Math.floor(random() * 90);
      switch (Math.floor(random() * 5)) {
        case 0:
        case 1:
          last += Math.floor(random() * 40);
          numbered.set(last, { of: last });
          model.set(last, { of: last });
          break;
        case 2:
          numbered.set(near, { of: near });
          model.set(near, { of: near });
          break;
        case 3:
          numbered.delete(near);
          model.delete(near);
          break;
        case 4: {
          const below = near - Math.floor(random() * 1500);
          numbered.dropBelow(below);
          for (const of of model.keys()) if (of < below) model.delete(of);
        }
      }
      assertEquals(numbered.size, model.size, `seed ${seed}, step ${step}`);
      assertEquals(numbered.get(near), model.get(near));
    }
    assertEquals(numbersIn(numbered), [...model.keys()].sort((a, b) => a - b));
  }
});
