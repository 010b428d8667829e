import type { PlantedBug } from "./patch.ts";
import { PG_REIGN_BUGS } from "./pg_reign.ts";
import { PG_SEALING_BUGS } from "./pg_sealing.ts";

/** Mistakes in `pg/cluster` and `pg/policy`: the scenarios are played first, then seeds. */
export const PG_BUGS: readonly PlantedBug[] = [
  ...PG_SEALING_BUGS,
  ...PG_REIGN_BUGS,
].map((bug) => ({ ...bug, simulator: "pg" }));
