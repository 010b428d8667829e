/**
 * Turns a boolean into a synchronous mode.
 *
 * @param text What was written for `synchronous_replication`.
 * @returns A mode, or the text as it is.
 */
export function modeFromBoolean(text: string): string {
  const wanted = text.toLowerCase();
  if (["true", "on", "yes", "1"].includes(wanted)) return "quorum";
  if (["false", "off", "no", "0"].includes(wanted)) return "off";
  return text;
}

/**
 * Turns a URL into an address.
 *
 * @param text A URL such as `http://10.0.0.1:2380`.
 * @returns What stands between scheme and path, or the text as it is.
 */
export function addressFromUrl(text: string): string {
  return text.replace(/^https?:\/\//, "").replace(/\/+$/, "");
}

/**
 * Turns a list of peers into a list of members.
 *
 * @param text Items `id@host:port`, `id:host:port`, `name=http://host:port` or `host:port`, separated
 * by commas. Where items have no id, the first is member 1, the second member 2, and so on.
 * @returns A list of members, or the text as it is where an item cannot be one.
 */
export function membersFromPeers(text: string): string {
  const items = text.split(",").map((item) => item.trim());
  const withId = items.filter((item) => /^\d+[@:]/.test(item)).length;
  // Positions mean nothing in a list in which some items name their ids.
  if (withId > 0 && withId < items.length) return text;
  return items.map((item, index) => memberFromPeer(item, index + 1)).join(", ");
}

function memberFromPeer(item: string, position: number): string {
  if (item === "" || /^\d+@/.test(item)) return item;
  const numbered = /^(\d+):(.+)$/.exec(item);
  if (numbered !== null) return `${numbered[1]}@${numbered[2]}`;
  return `${position}@${addressFromUrl(item.replace(/^[^=]*=/, ""))}`;
}
