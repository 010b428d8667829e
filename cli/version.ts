import manifest from "../deno.json" with { type: "json" };

/** The version of pgraft. */
export const VERSION: string = manifest.version;

/**
 * Writes the version, and what it runs on.
 *
 * @returns The text, with a line feed at its end.
 */
export function versionText(): string {
  const { os, arch } = Deno.build;
  return `pgraft ${VERSION} (deno ${Deno.version.deno}, ${os} ${arch})\n`;
}
