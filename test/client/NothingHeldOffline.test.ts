/**
 * Calls that are interrupted while no server can be reached, in 3.1.1 too: waiting for a connection does not depend on it.
 */
import { nothingIsHeld } from "./support/interruptedCalls.ts"

nothingIsHeld("offline")
nothingIsHeld("offline", "3.1.1")
