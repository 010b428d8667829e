/** How a command of pgraft can end. */
export const EXIT = {
  /** It did what was asked. */
  ok: 0,
  /** It failed, or was refused. */
  failure: 1,
  /** The command line or the configuration is wrong; nothing was tried. */
  usage: 2,
  /** No leader or no quorum; nothing happened. */
  noLeader: 3,
  /** It timed out, or its outcome is not known. */
  unknown: 4,
  /** Ctrl-C. */
  interrupted: 130,
  /** Whoever read the output has gone, as when a shell's pipe ends a program by SIGPIPE. */
  brokenPipe: 141,
} as const;

/** Thrown where a command cannot go on; whoever runs commands prints it and exits by its code. */
export class CommandFailure extends Error {
  override readonly name = "CommandFailure";
  /** The exit code. */
  readonly exitCode: number;
  /** What to do about it: a line each, printed below the message. */
  readonly hints: readonly string[];

  /**
   * @param message What went wrong.
   * @param exitCode One of {@linkcode EXIT}.
   * @param hints What to do about it.
   */
  constructor(
    message: string,
    exitCode: number,
    hints: readonly string[] = [],
  ) {
    super(message);
    this.exitCode = exitCode;
    this.hints = hints;
  }
}
