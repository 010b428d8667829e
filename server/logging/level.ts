import type { LogLevel } from "./logger.ts";

/** How much a process logs: what is configured, unless somebody wants it otherwise for a while. */
export interface LevelControl {
  /** The level in force. */
  current(): LogLevel;
  /** The level of the configuration. */
  configured(): LogLevel;
  /** The configuration says another level. */
  configure(level: LogLevel): void;
  /** Logs at a level until the process ends; null goes back to what is configured. */
  override(level: LogLevel | null): void;
}

/**
 * Makes the control of a process's level.
 *
 * @param first The configured level, which is in force already.
 * @param apply Has events of another level logged.
 * @returns The control.
 *
 * @example Usage
 * ```ts
 * import { createLevelControl } from "./level.ts";
 *
 * const control = createLevelControl("info", () => {});
 * control.override("debug");
 * control.configure("warning");
 * if (control.current() !== "debug") throw new Error("It stays until it is taken back");
 * control.override(null);
 * if (control.current() !== "warning") throw new Error("The configuration counts again");
 * ```
 */
export function createLevelControl(
  first: LogLevel,
  apply: (level: LogLevel) => void,
): LevelControl {
  let configured = first;
  let wanted: LogLevel | null = null;
  let applied = first;
  const current = (): LogLevel => wanted ?? configured;
  const settle = (): void => {
    if (current() === applied) return;
    applied = current();
    apply(applied);
  };
  return {
    current,
    configured: () => configured,
    configure(level): void {
      configured = level;
      settle();
    },
    override(level): void {
      wanted = level;
      settle();
    },
  };
}
