/** A JSON object whose fields are not known. */
export type Shape = Readonly<Record<string, unknown>>;

function isShape(value: unknown): value is Shape {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Takes a value for a JSON object.
 *
 * @param value Any value.
 * @returns The object; an empty one where it is something else.
 */
export function shape(value: unknown): Shape {
  return isShape(value) ? value : {};
}

/**
 * Takes a field for a list of JSON objects.
 *
 * @param from The object.
 * @param key The field.
 * @returns The objects; none where the field is something else.
 */
export function shapesAt(from: Shape, key: string): Shape[] {
  const value = from[key];
  return Array.isArray(value) ? value.filter(isShape) : [];
}

/**
 * Takes a field for a number.
 *
 * @param from The object.
 * @param key The field.
 * @returns The number, or null where it is something else.
 */
export function numberAt(from: Shape, key: string): number | null {
  const value = from[key];
  return typeof value === "number" ? value : null;
}

/**
 * Takes a field for a text.
 *
 * @param from The object.
 * @param key The field.
 * @returns The text, or null where it is something else.
 */
export function textAt(from: Shape, key: string): string | null {
  const value = from[key];
  return typeof value === "string" ? value : null;
}

/**
 * Shows a field in a table.
 *
 * @param from The object.
 * @param key The field.
 * @returns Its text; a hyphen where there is nothing to show.
 */
export function shown(from: Shape, key: string): string {
  const value = from[key];
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" || typeof value === "string" && value !== ""
    ? String(value)
    : "-";
}
