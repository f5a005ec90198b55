/**
 * Calls that are interrupted while the server answers nothing.
 */
import { nothingIsHeld, unanswered } from "./support/interruptedCalls.ts"

nothingIsHeld(unanswered)
