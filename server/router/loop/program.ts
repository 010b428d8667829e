/** What a router's thread runs. A program that was bundled into one file is its thread's program, too. */
export const THREAD_PROGRAM: string = import.meta.url.endsWith(".ts")
  ? new URL("./worker.ts", import.meta.url).href
  : import.meta.url;
