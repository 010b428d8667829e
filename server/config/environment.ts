import { nearest } from "../../base/mod.ts";
import { nameOfVariable, SETTINGS, VARIABLE_PREFIX } from "./names.ts";
import type { Assignment, ConfigProblem, Layer } from "./origin.ts";

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Names the configuration file, as the flag `--config` does. */
export const FILE_VARIABLE = "PGRAFT_CONFIG";

function unknown(variable: string): ConfigProblem {
  const known = [FILE_VARIABLE, ...SETTINGS.map((setting) => setting.variable)];
  const meant = nearest(variable, known);
  const hint = meant === null ? "" : `; did you mean ${meant}`;
  return {
    origin: { kind: "environment", variable },
    message: `Nothing reads this environment variable${hint}`,
  };
}

/**
 * Reads the settings among the environment variables. A variable that is set but empty counts as not
 * set, as in a compose file that passes on what may be missing.
 *
 * @param environment The variables.
 * @returns What they set; an unknown `PGRAFT_` variable is a warning, since others may use it.
 */
export function readEnvironment(environment: Environment): Layer {
  const assignments: Assignment[] = [];
  const warnings: ConfigProblem[] = [];
  for (const variable of Object.keys(environment).sort()) {
    const text = environment[variable] ?? "";
    const isOurs = variable.startsWith(VARIABLE_PREFIX) &&
      variable !== FILE_VARIABLE;
    if (!isOurs || text === "") continue;
    const name = nameOfVariable(variable);
    if (name === null) {
      warnings.push(unknown(variable));
      continue;
    }
    const origin = { kind: "environment", variable } as const;
    assignments.push({ name, key: name, text: text.trim(), origin });
  }
  return { assignments, errors: [], warnings };
}
