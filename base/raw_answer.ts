/** The connection that a raw answer goes onto. */
export interface RawLine {
  /** Writes; returns whether there is room for more. Where there was none, {@linkcode RawAnswer.hasRoom} says when. */
  write(bytes: Uint8Array): boolean;
  /** Ends the connection, once all of it is written. */
  end(): void;
}

/** What is told to whoever writes a raw answer. */
export interface RawAnswer {
  /** There is room: at first, and again after there was none. */
  hasRoom(): void;
  /** The connection has ended, whoever ended it. */
  ended(): void;
}

/** Begins to answer on a connection, which may have ended already. */
export type BeginRawAnswer = (line: RawLine) => RawAnswer;

/**
 * A request's surroundings, where the server can let go of its connection: a body that never ends then comes in
 * small pieces without the platform's streams, which cost more than sending them.
 */
export interface RawInfo<A extends Deno.Addr = Deno.Addr>
  extends Deno.ServeHandlerInfo<A> {
  /** Has what follows the response's head, whose body is null, written by `begin`. Absent where that can't be. */
  readonly answerRaw?: (begin: BeginRawAnswer) => void;
}

/** Answers requests, on a server that may or may not let go of connections. */
export type RawHandler<A extends Deno.Addr = Deno.Addr> = (
  request: Request,
  info: RawInfo<A>,
) => Response | Promise<Response>;
