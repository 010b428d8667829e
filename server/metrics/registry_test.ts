import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { InvariantError } from "../../base/mod.ts";
import { checkExposition } from "./exposition.ts";
import { createRegistry, MAX_SERIES } from "./registry.ts";

function clean(text: string): string {
  assertEquals(checkExposition(text), [], text);
  return text;
}

Deno.test("render() writes counters and gauges with their headers", () => {
  const registry = createRegistry();
  const made = registry.counter({ name: "pgraft_made_total", help: "Made" });
  const level = registry.gauge({ name: "pgraft_level", help: "Level" });
  made.add();
  made.add(2.5);
  level.set(7);
  level.add(-9);

  assertEquals(
    clean(registry.render()),
    `# HELP pgraft_made_total Made
# TYPE pgraft_made_total counter
pgraft_made_total 3.5
# HELP pgraft_level Level
# TYPE pgraft_level gauge
pgraft_level -2
`,
  );
});

Deno.test("render() writes a histogram cumulatively, a bound in its own bucket", () => {
  const registry = createRegistry();
  const sizes = registry.histogram({
    name: "pgraft_size_bytes",
    help: "Sizes",
    bounds: [1, 10],
  });
  for (const size of [0.5, 1, 2, 10, 11]) sizes.observe(size);

  assertEquals(
    clean(registry.render()),
    `# HELP pgraft_size_bytes Sizes
# TYPE pgraft_size_bytes histogram
pgraft_size_bytes_bucket{le="1"} 2
pgraft_size_bytes_bucket{le="10"} 4
pgraft_size_bytes_bucket{le="+Inf"} 5
pgraft_size_bytes_sum 24.5
pgraft_size_bytes_count 5
`,
  );
});

Deno.test("render() writes one series for each combination of label values", () => {
  const registry = createRegistry();
  const calls = registry.counters({
    name: "pgraft_calls_total",
    help: "Calls",
    labels: ["route", "method"],
  });
  calls.with({ method: "GET", route: "/a" }).add();
  calls.with({ route: "/b", method: "GET" }).add();
  calls.with({ route: "/a", method: "GET" }).add();
  const times = registry.histograms({
    name: "pgraft_time_seconds",
    help: "Times",
    labels: ["route"],
    bounds: [1],
  });
  times.with({ route: "/a" }).observe(2);

  const text = clean(registry.render());
  assertStringIncludes(text, 'calls_total{route="/a",method="GET"} 2\n');
  assertStringIncludes(text, 'calls_total{route="/b",method="GET"} 1\n');
  assertStringIncludes(text, 'seconds_bucket{route="/a",le="1"} 0\n');
  assertStringIncludes(text, 'seconds_bucket{route="/a",le="+Inf"} 1\n');
  assertStringIncludes(text, 'seconds_count{route="/a"} 1\n');
});

Deno.test("render() escapes help texts and label values", () => {
  const registry = createRegistry();
  const named = registry.gauges({
    name: "pgraft_named",
    help: 'A \\ and "\na line',
    labels: ["name"],
  });
  named.with({ name: 'a\\b"c\nd},e \ud800' }).set(1);

  const text = clean(registry.render());
  assertStringIncludes(text, '# HELP pgraft_named A \\\\ and "\\na line\n');
  assertStringIncludes(text, '{name="a\\\\b\\"c\\nd},e \ufffd"} 1\n');
});

Deno.test("render() writes numbers as the format has them", () => {
  const registry = createRegistry();
  const gauge = registry.gauge({ name: "pgraft_number", help: "A number" });
  const table: readonly (readonly [number, string])[] = [
    [Infinity, "+Inf"],
    [-Infinity, "-Inf"],
    [NaN, "NaN"],
    [1e21, "1e+21"],
    [-0.25, "-0.25"],
    [9007199254740991, "9007199254740991"],
  ];
  for (const [value, written] of table) {
    gauge.set(value);
    assertStringIncludes(
      clean(registry.render()),
      `\npgraft_number ${written}\n`,
    );
  }
});

Deno.test("read() asks its source once for all of its metrics, at each rendering", () => {
  const registry = createRegistry();
  let asked = 0;
  registry.read(() => ++asked, [
    { name: "pgraft_a", help: "A", type: "gauge", read: (n) => n },
    { name: "pgraft_b_total", help: "B", type: "counter", read: (n) => n },
    { name: "pgraft_c", help: "C", type: "gauge", read: () => null },
    {
      name: "pgraft_d",
      help: "D",
      type: "gauge",
      read: (n) => [{ labels: { peer: "2" }, value: n * 2 }],
    },
  ]);
  assertEquals(asked, 0);

  registry.render();
  const text = clean(registry.render());

  assertEquals(asked, 2);
  assertStringIncludes(text, "\npgraft_a 2\n");
  assertStringIncludes(text, "\npgraft_b_total 2\n");
  assertStringIncludes(text, '\npgraft_d{peer="2"} 4\n');
  assertEquals(text.includes("pgraft_c"), false);
});

Deno.test("read() leaves its metrics out while there is no source", () => {
  const registry = createRegistry();
  registry.read((): number | null => null, [
    { name: "pgraft_a", help: "A", type: "gauge", read: (n) => n },
  ]);
  assertEquals(registry.render(), "");
});

Deno.test("with() counts what exceeds the limit of series together", () => {
  const registry = createRegistry();
  const calls = registry.counters({
    name: "pgraft_calls_total",
    help: "Calls",
    labels: ["route"],
  });
  for (let i = 0; i < MAX_SERIES + 5; i++) {
    calls.with({ route: `/${i}` }).add();
  }
  calls.with({ route: "/0" }).add();

  const text = clean(registry.render());
  assertEquals(text.split("\n").length, 2 + MAX_SERIES + 1 + 1);
  assertStringIncludes(text, '{route="other"} 5\n');
  assertStringIncludes(text, '{route="/0"} 2\n');
});

Deno.test("a registry refuses what breaks the conventions, and a name that is taken", () => {
  const registry = createRegistry();
  registry.gauge({ name: "pgraft_taken", help: "Taken" });
  const faults: readonly (() => unknown)[] = [
    () => registry.counter({ name: "pgraft_taken", help: "Counter" }),
    () => registry.gauge({ name: "pgraft_taken", help: "Again" }),
    () => registry.gauge({ name: "pgraft_mute", help: "" }),
    () => registry.gauges({ name: "pgraft_g", help: "G", labels: ["le"] }),
    () =>
      registry.histogram({
        name: "pgraft_h_seconds",
        help: "H",
        bounds: [2, 1],
      }),
    () =>
      registry.histogram({
        name: "pgraft_h_seconds",
        help: "H",
        bounds: [1, Infinity],
      }),
    () =>
      registry.read(() => 1, [{
        name: "pgraft_taken",
        help: "Read",
        type: "gauge",
        read: (n) => n,
      }]),
  ];
  for (const fault of faults) assertThrows(fault, InvariantError);
});

Deno.test("a counter refuses to go down, and a histogram what is no number", () => {
  const registry = createRegistry();
  const made = registry.counter({ name: "pgraft_made_total", help: "Made" });
  const times = registry.histogram({
    name: "pgraft_time_seconds",
    help: "Times",
    bounds: [1],
  });
  assertThrows(() => made.add(-1), InvariantError);
  assertThrows(() => made.add(NaN), InvariantError);
  assertThrows(() => times.observe(NaN), InvariantError);
});

Deno.test("readings() reads counters and gauges, also those of a source, and those without a value", () => {
  const registry = createRegistry();
  registry.counter({ name: "pgraft_made_total", help: "Made" }).add(2);
  const levels = registry.gauges({
    name: "pgraft_level",
    help: "Level",
    labels: ["room"],
  });
  levels.with({ room: "a" }).set(7);
  registry.histogram({ name: "pgraft_size_bytes", help: "Size", bounds: [1] });
  let source: number | null = null;
  registry.read(() => source, [{
    name: "pgraft_term",
    help: "Term",
    type: "gauge",
    read: (value) => value,
  }]);
  const read = (): unknown[] =>
    registry.readings().map(({ name, type, readings }) => [
      name,
      type,
      readings,
    ]);
  const made = ["pgraft_made_total", "counter", [{ value: 2 }]];
  const level = ["pgraft_level", "gauge", [{
    labels: { room: "a" },
    value: 7,
  }]];
  assertEquals(read(), [made, level, ["pgraft_term", "gauge", []]]);
  source = 3;
  assertEquals(read()[2], ["pgraft_term", "gauge", [{ value: 3 }]]);
});

Deno.test("a mirror is told of every value of a histogram, with its labels", () => {
  const told: unknown[] = [];
  const registry = createRegistry({
    histogram: ({ name }) => (value, labels) =>
      told.push([name, value, labels]),
  });
  const bounds = [1];
  registry.histogram({ name: "pgraft_size_bytes", help: "Size", bounds })
    .observe(5);
  registry.histograms({
    name: "pgraft_wait_seconds",
    help: "Wait",
    labels: ["room"],
    bounds,
  }).with({ room: "a" }).observe(0.5);
  assertEquals(told, [
    ["pgraft_size_bytes", 5, {}],
    ["pgraft_wait_seconds", 0.5, { room: "a" }],
  ]);
});

Deno.test("reset() has counters and histograms begin at 0, and leaves gauges", () => {
  const registry = createRegistry();
  registry.counter({ name: "pgraft_made_total", help: "Made" }).add(2);
  registry.gauge({ name: "pgraft_level", help: "Level" }).set(7);
  const calls = registry.counters({
    name: "pgraft_calls_total",
    help: "Calls",
    labels: ["route"],
  });
  calls.with({ route: "/a" }).add();
  registry.histogram({ name: "pgraft_size_bytes", help: "Size", bounds: [1] })
    .observe(5);
  registry.reset();
  const text = clean(registry.render());
  for (
    const line of [
      "pgraft_made_total 0",
      "pgraft_level 7",
      'pgraft_calls_total{route="/a"} 0',
      "pgraft_size_bytes_sum 0",
      "pgraft_size_bytes_count 0",
    ]
  ) assertStringIncludes(text, `${line}\n`);
});
