/**
 * How V8 keeps a node's memory. It takes flags at its start only, from the command line; the binary carries them.
 *
 * A young generation of 4 MB, not 16: most of what a request leaves is garbage by then, and a collection of less
 * takes less time, of which each delays every request. And the old one is collected once it has 128 MB, not at
 * twice what has lived: a node with little data would do it every few seconds under load.
 */
export const V8_FLAGS =
  "--v8-flags=--max-semi-space-size=4,--initial-old-space-size=128";
