/**
 * Deliberate mistakes, each a patch of the source, and the proof that the simulator catches them.
 *
 * @module
 */
export { runPlanted } from "./main.ts";
