import type { ValueType } from "./value_types.ts";

/** What may be said to initdb: what pgraft does not decide itself, and what lies in the data directory. */
const ALLOWED: readonly string[] = [
  "--wal-segsize",
  "--lc-collate",
  "--lc-ctype",
  "--lc-monetary",
  "--lc-numeric",
  "--lc-time",
  "--locale-provider",
  "--icu-locale",
  "--icu-rules",
  "--builtin-locale",
  "--text-search-config",
];

/** Options of initdb, each as `--name=value`, between spaces. */
export const INITDB_OPTIONS_TYPE: ValueType<readonly string[]> = {
  placeholder: "OPTIONS",
  allowed: `any of ${
    ALLOWED.join(", ")
  }, each as --name=value, between spaces; or empty for none`,
  parse: (text) => {
    const options = text.split(/\s+/).filter((word) => word !== "");
    const wrong = options.find((word) => !isAllowed(word));
    return wrong === undefined
      ? { ok: true, value: options }
      : { ok: false, reason: `${JSON.stringify(wrong)} is none of them` };
  },
  format: (options) => options.join(" "),
};

function isAllowed(word: string): boolean {
  const at = word.indexOf("=");
  return at > 0 && at < word.length - 1 && ALLOWED.includes(word.slice(0, at));
}
