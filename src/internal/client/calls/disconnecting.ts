/**
 * How a program ends its client: the contents of the last packet, whether it is sent at all, and whether the server
 * publishes the Will.
 *
 * MQTT 5.0 section 3.14; 3.1.1 section 3.14, where DISCONNECT has no contents.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as MqttError from "../../../MqttError.ts"
import * as Connection from "../../../protocol/Connection.ts"
import * as Properties from "../../../protocol/Properties.ts"
import * as Validity from "../../../protocol/Validity.ts"
import type { DisconnectOptions } from "../../clientOptions.ts"
import * as OptionTypes from "../../optionTypes.ts"
import type { SessionRunner } from "../session/sessionRunner.ts"
import { wrongOptions } from "./wrongTypes.ts"

export interface Disconnecting {
  readonly disconnect: Effect.Effect<void>
  readonly disconnectWith: (options: DisconnectOptions) => Effect.Effect<void, MqttError.MqttError>
  readonly disconnectWithWill: Effect.Effect<void>
}

/** Not interruptible: half an end would leave a client that neither connects nor fails. `drainTimeout` bounds it. */
export const make = (
  { end, goodbye, runner, sessionExpiryInterval }: {
    readonly runner: SessionRunner
    /** Publishes the client's goodbye before DISCONNECT, unless the server is to publish the Will. */
    readonly goodbye: Effect.Effect<void>
    /** The value in CONNECT, seconds. */
    readonly sessionExpiryInterval: number
    /** Sends DISCONNECT unless one was sent, and closes the client. */
    readonly end: Effect.Effect<void>
  }
): Disconnecting => {
  const disconnectWith = (options: DisconnectOptions) =>
    Effect.uninterruptible(
      Effect.andThen(Effect.suspend(() => sayFarewell(runner, options, { goodbye, sessionExpiryInterval })), end)
    )
  return {
    disconnect: Effect.uninterruptible(Effect.andThen(goodbye, end)),
    disconnectWith,
    // Cannot fail: DISCONNECT can express all of these options.
    disconnectWithWill: Effect.orDie(disconnectWith({ publishWill: true }))
  }
}

/** Disconnect with Will Message. */
const withWill = 0x04

const contradiction = MqttError.fromReason(
  new MqttError.InvalidRequest({
    field: "reasonCode",
    label: "MQTT-3.14.4-3",
    protocolVersion: "5.0",
    description: "`publishWill` means reason code 0x04; leave out the other code, or `publishWill`"
  })
)

/** The options are checked before anything ends, even if there is no connection. */
const sayFarewell = (
  runner: SessionRunner,
  options: DisconnectOptions,
  { goodbye, sessionExpiryInterval }: { readonly goodbye: Effect.Effect<void>; readonly sessionExpiryInterval: number }
): Effect.Effect<void, MqttError.MqttError> => {
  const { connection, protocolVersion } = runner
  const wrong = wrongOptions(options, OptionTypes.disconnect, protocolVersion)
  if (wrong !== undefined) return Effect.fail(wrong)
  const { publishWill = false, reasonCode, reasonString, sessionExpiry, userProperties } = options
  if (publishWill && reasonCode !== undefined && reasonCode !== withWill) return Effect.fail(contradiction)
  // A 3.1.1 server publishes the Will when no DISCONNECT arrives.
  const isSilent = publishWill && protocolVersion === "3.1.1"
  const given = {
    ...(sessionExpiry === undefined ? {} : { sessionExpiryInterval: Duration.toMillis(sessionExpiry) / 1000 }),
    ...(reasonString === undefined ? {} : { reasonString }),
    ...(userProperties === undefined ? {} : { userProperties })
  }
  const packet = {
    _tag: "Disconnect",
    reasonCode: reasonCode ?? (publishWill && !isSilent ? withWill : 0x00),
    properties: Object.keys(given).length === 0 ? Properties.none : given
  } as const
  const invalid = Validity.checkDisconnect(packet, { protocolVersion, sender: "client" }) ??
    Connection.checkDisconnect({ connect: { properties: { sessionExpiryInterval } } }, packet)
  if (invalid !== undefined) return Effect.fail(MqttError.fromReason(MqttError.InvalidRequest.from(invalid)))
  if (connection === undefined) return Effect.void
  if (isSilent) return connection.abort
  const disconnect = Effect.suspend(() => {
    runner.sendCertainAcknowledgements()
    return connection.disconnect(packet)
  })
  return packet.reasonCode === withWill ? disconnect : Effect.andThen(goodbye, disconnect)
}
