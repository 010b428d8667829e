/** The content type of {@linkcode Registry.render}'s text. */
export const METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** Label names with their values, in the order in which they are written. */
export type LabelPairs = readonly (readonly [name: string, value: string])[];

/**
 * Writes a sample's value.
 *
 * @param value Any number.
 * @returns The number as the text format has it.
 */
export function formatValue(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeLabelValue(text: string): string {
  return text.toWellFormed().replaceAll("\\", "\\\\").replaceAll("\n", "\\n")
    .replaceAll('"', '\\"');
}

/**
 * Writes the lines that open a metric.
 *
 * @param name The metric's name.
 * @param type What it is.
 * @param help What it says.
 * @returns Two lines.
 */
export function formatHeader(name: string, type: string, help: string): string {
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
}

/**
 * Writes label pairs.
 *
 * @param pairs The labels.
 * @returns The pairs in braces, or nothing when there are none.
 */
export function formatLabels(pairs: LabelPairs): string {
  if (pairs.length === 0) return "";
  const written = pairs.map(([name, value]) =>
    `${name}="${escapeLabelValue(value)}"`
  );
  return `{${written.join(",")}}`;
}

/**
 * Writes one sample.
 *
 * @param name The sample's name.
 * @param pairs Its labels.
 * @param value Its value.
 * @returns One line.
 */
export function formatSample(
  name: string,
  pairs: LabelPairs,
  value: number,
): string {
  return `${name}${formatLabels(pairs)} ${formatValue(value)}\n`;
}
