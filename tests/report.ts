/** What one run of the tests came to. */
export interface Report {
  /** How many tests and steps passed. */
  readonly passed: number;
  /** How many failed. */
  readonly failed: number;
  /** Those that did not run, as `file: name`. */
  readonly skipped: readonly string[];
}

/** One run of `deno test`. */
export interface Run {
  readonly report: Report;
  /** How it ended. */
  readonly exitCode: number;
}

/** What runs come to. */
export interface Verdict {
  /** What to print; the counts are the last line. */
  readonly lines: readonly string[];
  /** The exit code. */
  readonly code: number;
}

const CASE =
  /<testcase name="([^"]*)" classname="([^"]*)"[^>]*?(?:\/>|>([^]*?)<\/testcase>)/g;

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["&lt;", "<"],
  ["&gt;", ">"],
  ["&quot;", '"'],
  ["&apos;", "'"],
  ["&amp;", "&"],
]);

/**
 * Reads the report that `deno test --junit-path` writes.
 *
 * @param xml The file's text; empty when there is none.
 * @returns The counts.
 */
export function readReport(xml: string): Report {
  let passed = 0;
  let failed = 0;
  const skipped: string[] = [];
  for (const [, name = "", file = "", body = ""] of xml.matchAll(CASE)) {
    if (/<(failure|error)\b/.test(body)) failed += 1;
    else if (body.includes("<skipped")) {
      skipped.push(`${plain(file)}: ${plain(name)}`);
    } else passed += 1;
  }
  return { passed, failed, skipped };
}

function plain(text: string): string {
  return text.replaceAll(
    /&(lt|gt|quot|apos|amp);/g,
    (entity) => ENTITIES.get(entity) ?? entity,
  );
}

/**
 * Judges runs together.
 *
 * A file that cannot be loaded appears in no report, so a run that ended badly without a counted
 * failure counts as one; so does a run of no test at all.
 *
 * @param runs The runs.
 * @param strict Whether a skipped test is a failure.
 * @returns What to print and how to exit.
 */
export function judge(
  runs: readonly Run[],
  strict: boolean,
): Verdict {
  const skipped = runs.flatMap(({ report }) => report.skipped);
  const broken = runs.flatMap(brokenRun);
  const lines = [...skipped.map((name) => `Skipped: ${name}`), ...broken];
  if (strict && skipped.length > 0) {
    lines.push("Skipped tests are failures where CI is set");
  }

  const passed = runs.reduce((sum, { report }) => sum + report.passed, 0);
  const failed = runs.reduce((sum, { report }) => sum + report.failed, 0);
  const failures = failed + broken.length;
  const counts = `${passed} passed, ${failures} failed`;
  const tail = skipped.length > 0 ? `, ${skipped.length} skipped` : "";
  const good = failures === 0 && !(strict && skipped.length > 0);
  return { lines: [...lines, counts + tail], code: good ? 0 : 1 };
}

function brokenRun({ report, exitCode }: Run): string[] {
  if (exitCode !== 0 && report.failed === 0) {
    return [`deno test ended with code ${exitCode} although no test failed`];
  }
  if (exitCode === 0 && report.passed + report.failed === 0) {
    return ["No test ran"];
  }
  return [];
}
