/** Something that `deno doc --lint` finds. */
interface Finding {
  readonly rule: string;
  readonly message: string;
  readonly path: string;
  readonly line: number;
  readonly isMember: boolean;
}

/** The finding, its place, and how the line there is indented. */
const FINDING =
  /^error\[([\w-]+)\]: (.*)\n\s*--> (.+):(\d+):\d+\n\s*\|.*\n\s*\d+ \| ( *)/gm;

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
  // It failed for another reason than the ones listed, or lists them in another form than this one.
  const count = Number(/Found (\d+) documentation/.exec(output)?.[1] ?? 0);
  if (count === 0 || count !== findings.length) return [output.trim()];
  return findings
    .filter(({ rule, isMember }) => rule !== "missing-jsdoc" || !isMember)
    .map(({ path, line, rule, message }) =>
      `${path}:${line}: ${message} (${rule})`
    );
}

function readFindings(output: string): Finding[] {
  return [...output.matchAll(FINDING)].map(
    ([, rule = "", message = "", path = "", line, indent]) => ({
      rule,
      message,
      path,
      line: Number(line),
      isMember: indent !== "",
    }),
  );
}
