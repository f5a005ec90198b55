/**
 * Calls that are interrupted while outbox and window are full.
 */
import { nothingIsHeld } from "./support/interruptedCalls.ts"

nothingIsHeld("with outbox and window full")
