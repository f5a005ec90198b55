/**
 * The plan of each seed: what `Plan` draws, and what a theme of the server's side makes of it.
 */
import * as Plan from "./Plan.ts"
import { themed } from "./server/themes.ts"

/** A theme of the server's side, or what `Plan` draws with its calls. */
export const planOf = (seed: number): Plan.Plan => themed(Plan.makePlain(seed)) ?? Plan.make(seed)
