/**
 * Makes a JSON answer.
 *
 * @param value What it says.
 * @param status Its status.
 */
export function jsonResponse(value: unknown, status = 200): Response {
  return new Response(`${JSON.stringify(value)}\n`, {
    status,
    headers: { "content-type": "application/json" },
  });
}
