/**
 * The plan of each seed: drawn by `Plan`, and changed by a theme of the server's side.
 */
import * as Plan from "./Plan.ts"
import { withHabits } from "./server/habits.ts"
import { themed } from "./server/themes.ts"

/** A theme of the server's side, or what `Plan` draws with its calls, to a server that may have habits. */
export const planOf = (seed: number): Plan.Plan => themed(Plan.makePlain(seed)) ?? withHabits(Plan.make(seed))
