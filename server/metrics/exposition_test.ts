import { assert, assertEquals } from "@std/assert";
import { checkExposition } from "./exposition.ts";

const GOOD = `# HELP pgraft_a_total A \\\\ with "quotes"
# TYPE pgraft_a_total counter
pgraft_a_total{x="a\\"b\\\\c\\n}",y=""} 1
pgraft_a_total{x="2",y=""} 1.5e+21
# HELP pgraft_t_seconds T
# TYPE pgraft_t_seconds histogram
pgraft_t_seconds_bucket{r="1",le="0.5"} 1
pgraft_t_seconds_bucket{r="1",le="+Inf"} 3
pgraft_t_seconds_sum{r="1"} -4
pgraft_t_seconds_count{r="1"} 3
`;

Deno.test("checkExposition() finds nothing wrong with a good text", () => {
  assertEquals(checkExposition(GOOD), []);
});

Deno.test("checkExposition() finds each fault", () => {
  const table: readonly (readonly [string, string, string])[] = [
    ["3\n", "3", "not ended"],
    ["# HELP pgraft_t_seconds T\n", "", "no HELP"],
    ["# TYPE pgraft_a_total counter\n", "", "no TYPE"],
    ["# TYPE pgraft_a_total counter", "# TYPE pgraft_a_total clock", "no TYPE"],
    [
      "# TYPE pgraft_a_total counter\n",
      "# TYPE pgraft_a_total counter\n".repeat(2),
      "two TYPE lines",
    ],
    ["# TYPE pgraft_a", "#TYPE pgraft_a", "bad comment"],
    ["1.5e+21", "1.5e+21x", "bad value"],
    ["1.5e+21", "", "no sample"],
    ["1.5e+21", "-1", "counts -1"],
    ["1.5e+21", "NaN", "counts NaN"],
    ['x="2"', 'x="2', "bad labels"],
    ['x="2"', 'x="\\t"', "bad labels"],
    ['x="2"', 'x="a"b"', "bad labels"],
    ['x="2"', 'y="2"', "bad labels"],
    ['x="2"', 'x="a\\"b\\\\c\\n}"', "comes twice"],
    ['le="+Inf"', 'le="9"', "no last bucket"],
    ['le="0.5"} 1', 'le="0.5"} 4', "not cumulative"],
    ["0.5", "+Inf", "do not ascend"],
    ['count{r="1"} 3', 'count{r="1"} 2', "not its last bucket"],
    ['pgraft_t_seconds_sum{r="1"} -4\n', "", "no _sum"],
    ['pgraft_t_seconds_count{r="1"} 3\n', "", "no _count"],
    [
      "# HELP pgraft_t_seconds",
      '# HELP pgraft_b B\n# TYPE pgraft_b gauge\npgraft_b 1\npgraft_a_total{x="9",y=""} 1\n# HELP pgraft_t_seconds',
      "two places",
    ],
    ["pgraft_a_total counter", "pgraft_a_total gauge", "is no counter"],
  ];
  for (const [from, to, expected] of table) {
    const at = GOOD.lastIndexOf(from);
    assert(at >= 0, from);
    const text = GOOD.slice(0, at) + to + GOOD.slice(at + from.length);
    const problems = checkExposition(text);
    assert(
      problems.some((problem) => problem.includes(expected)),
      `${from} -> ${to}: ${problems.join("; ")}`,
    );
  }
});
