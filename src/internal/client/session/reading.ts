/**
 * Reads from a connection until it ends, and hands the packets to the session. Pauses while the session asks for it.
 *
 * No user code runs in here, so reading never waits for it.
 */
import * as Effect from "effect/Effect"
import type { MqttError } from "../../../MqttError.ts"
import type { SessionConnection } from "../../connection/connection.ts"
import type { SessionRunner } from "./sessionRunner.ts"

/** After so many packets the reader lets the subscribers run that take them; fewer packets cost less than the detour. */
const packetsOfATurn = 64

export const read = (connection: SessionConnection, runner: SessionRunner): Effect.Effect<never, MqttError> =>
  Effect.flatMap(connection.pull, (packets) => {
    const violation = runner.receive(packets, connection.now())
    if (violation !== undefined) return connection.violated(violation)
    if (runner.shouldPause) return pause(connection, runner)
    return packets.length < packetsOfATurn ? Effect.void : Effect.yieldNow
  }).pipe(Effect.forever({ disableYield: true }))

const pause = (connection: SessionConnection, runner: SessionRunner): Effect.Effect<void, MqttError> =>
  Effect.callback<void>((resume) => runner.onResume(() => resume(Effect.void))).pipe(
    Effect.raceFirst(connection.ended),
    Effect.map(() => runner.resumed(connection.now()))
  )
