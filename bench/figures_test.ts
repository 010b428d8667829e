import { figure, median, quantile, tableHead, tableRow } from "./figures.ts";
import { assertEquals } from "@std/assert";

const ten = [10, 9, 8, 7, 6, 5, 4, 3, 2, 1];

Deno.test("quantile() counts from the smallest and takes no mean", () => {
  assertEquals([0, 0.05, 0.5, 0.95, 1].map((at) => quantile(ten, at)), [
    1,
    1,
    5,
    10,
    10,
  ]);
  assertEquals(quantile([], 0.5), NaN);
});

Deno.test("median() is the middle value, or between the two", () => {
  assertEquals([[3], [3, 1], [3, 1, 8], ten].map(median), [3, 2, 3, 5.5]);
  assertEquals(median([]), NaN);
});

Deno.test("a table's cells stand below their titles", () => {
  const columns = [{ title: "load", width: 6, isText: true }, {
    title: "per s",
    width: 7,
  }];

  assertEquals(tableHead(columns), "load     per s\n");
  assertEquals(
    tableRow(columns, ["put", figure(12.3456, 1)]),
    "put       12.3\n",
  );
  assertEquals(tableRow(columns, ["put", figure(NaN)]), "put          -\n");
});
