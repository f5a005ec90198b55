/**
 * Reads from a connection until it ends, and hands the packets to the session. Pauses while the session asks for it.
 *
 * No user code runs in here, so reading never waits for it.
 */
import * as Effect from "effect/Effect"
import * as Ref from "effect/Ref"
import type { MqttError } from "../../../MqttError.ts"
import type { MqttEvent } from "../../../MqttState.ts"
import type { SessionConnection } from "../../connection/connection.ts"
import type { SessionRunner } from "./sessionRunner.ts"

/** After this many packets the reader lets the subscribers run. Fewer packets cost less than the detour. */
const packetsOfATurn = 64

/** `publishEvent` hears of received messages that are wrong in themselves, or that nobody takes. */
export const read = (
  connection: SessionConnection,
  runner: SessionRunner,
  publishEvent: (event: MqttEvent) => Effect.Effect<void>
): Effect.Effect<never, MqttError> =>
  Effect.flatMap(connection.pull, (packets) => {
    const isExcessKnown = hasExcess(runner)
    const violation = runner.receive(packets, connection.now())
    if (violation !== undefined) return connection.violated(violation)
    const { notices } = runner.deliveries
    const isExcessNew = !isExcessKnown && hasExcess(runner)
    if (!notices.isDue && !isExcessNew) return goOn(packets.length, connection, runner)
    return (isExcessNew ? tellOfExcess(runner) : Effect.void).pipe(
      Effect.andThen(notices.tell(publishEvent)),
      Effect.andThen(Effect.suspend(() => goOn(packets.length, connection, runner)))
    )
  }).pipe(Effect.forever({ disableYield: true }))

const goOn = (
  packets: number,
  connection: SessionConnection,
  runner: SessionRunner
): Effect.Effect<void, MqttError> => {
  if (runner.shouldPause) return pause(connection, runner)
  return packets < packetsOfATurn ? Effect.void : Effect.yieldNow
}

const pause = (connection: SessionConnection, runner: SessionRunner): Effect.Effect<void, MqttError> =>
  Effect.callback<void>((resume) => {
    // The subscribers may have made room since the reader looked: its fiber may have given way to theirs.
    if (runner.shouldPause) runner.onResume(() => resume(Effect.void))
    else resume(Effect.void)
  }).pipe(
    Effect.raceFirst(connection.ended),
    Effect.map(() => runner.resumed(connection.now()))
  )

const hasExcess = ({ session }: SessionRunner): boolean => Ref.getUnsafe(session).excess > 0

/** Once in the life of a client: a server that does so once does so often. */
const tellOfExcess = ({ receiveMaximum }: SessionRunner): Effect.Effect<void> =>
  Effect.logWarning(
    `The server sends more unacknowledged messages than the Receive Maximum of ${receiveMaximum} allows; they are taken, ` +
      "and `stats.receiveMaximumExceeded` counts them"
  ).pipe(Effect.annotateLogs({ reason: "ReceiveMaximumExceeded" }))
