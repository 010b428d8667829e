/** What one run of the tests came to. */
export interface Report {
  /** How many tests and steps passed. */
  readonly passed: number;
  /** How many failed. */
  readonly failed: number;
  /** Those that did not run, as `file: name`. */
  readonly skipped: readonly string[];
}

/** How a run ends. */
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
 * Judges a run.
 *
 * A file that cannot be loaded appears in no report, so a run that ended badly without a counted
 * failure counts as one; so does a run of no test at all.
 *
 * @param report What the report says.
 * @param exitCode How `deno test` ended.
 * @param strict Whether a skipped test is a failure.
 * @returns What to print and how to exit.
 */
export function judge(
  report: Report,
  exitCode: number,
  strict: boolean,
): Verdict {
  const { passed, failed, skipped } = report;
  const lines = skipped.map((name) => `Skipped: ${name}`);
  const broken = brokenRun(report, exitCode);
  if (broken !== null) lines.push(broken);
  if (strict && skipped.length > 0) {
    lines.push("Skipped tests are failures where CI is set");
  }

  const failures = failed + (broken === null ? 0 : 1);
  const counts = `${passed} passed, ${failures} failed`;
  const tail = skipped.length > 0 ? `, ${skipped.length} skipped` : "";
  const good = failures === 0 && !(strict && skipped.length > 0);
  return { lines: [...lines, counts + tail], code: good ? 0 : 1 };
}

function brokenRun(report: Report, exitCode: number): string | null {
  if (exitCode !== 0 && report.failed === 0) {
    return `deno test ended with code ${exitCode} although no test failed`;
  }
  if (exitCode === 0 && report.passed + report.failed === 0) {
    return "No test ran";
  }
  return null;
}
