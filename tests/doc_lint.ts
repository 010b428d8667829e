/** Something that `deno doc --lint` finds. */
interface Finding {
  readonly rule: string;
  readonly message: string;
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

const FINDING = /^error\[([\w-]+)\]: (.*)\n\s*--> (.+):(\d+):(\d+)$/gm;

/** Where a declaration begins; what begins further right is a member of one. */
const DECLARATION_COLUMN = 1;

/**
 * Judges what `deno doc --lint` printed. Every declaration needs its documentation; a member whose
 * name and type say all may do without.
 *
 * @param output What it printed, without colours.
 * @param success Whether it ended well.
 * @returns A line for each thing to mend.
 */
export function judgeDocumentation(output: string, success: boolean): string[] {
  if (success) return [];
  const findings = readFindings(output);
  // It failed for another reason than the ones it lists, a file that cannot be read perhaps.
  if (findings.length === 0) return [output.trim()];
  return findings
    .filter(({ rule, column }) =>
      rule !== "missing-jsdoc" || column <= DECLARATION_COLUMN
    )
    .map(({ path, line, rule, message }) =>
      `${path}:${line}: ${message} (${rule})`
    );
}

function readFindings(output: string): Finding[] {
  return [...output.matchAll(FINDING)].map(
    ([, rule = "", message = "", path = "", line, column]) => ({
      rule,
      message,
      path,
      line: Number(line),
      column: Number(column),
    }),
  );
}
