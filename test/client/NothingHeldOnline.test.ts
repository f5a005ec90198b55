/**
 * Calls that are interrupted while the server answers at once.
 */
import { nothingIsHeld } from "./support/interruptedCalls.ts"

nothingIsHeld("online")
