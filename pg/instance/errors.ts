/** What went wrong, for a program; the message says it to people. */
export type InstanceErrorCode =
  | "no_binaries"
  | "bad_version"
  | "no_os_user"
  | "bad_directory"
  | "foreign_data"
  | "unreadable_data"
  | "bad_setting"
  | "port_taken"
  | "disk_full"
  | "already_running"
  | "not_stopped"
  | "start_failed"
  | "stop_failed"
  | "timeout"
  | "no_connection"
  | "query_failed"
  | "aborted"
  | "command_failed";

/** Thrown by everything that touches the local PostgreSQL; never holds a password. */
export class InstanceError extends Error {
  override readonly name = "InstanceError";
  /** What went wrong, for a program. */
  readonly code: InstanceErrorCode;
  /** PostgreSQL's own five letters, where it answered with an error. */
  readonly sqlState: string | null;

  /**
   * Makes the error.
   *
   * @param code What went wrong, for a program.
   * @param message What happened, to what, and what to do about it.
   * @param sqlState PostgreSQL's own code.
   */
  constructor(
    code: InstanceErrorCode,
    message: string,
    sqlState: string | null = null,
  ) {
    super(message);
    this.code = code;
    this.sqlState = sqlState;
  }
}
