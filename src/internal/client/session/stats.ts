/**
 * All counters of a client in one value: from the session, the outbox, the subscriptions and the network.
 */
import * as Ref from "effect/Ref"
import type { Stats } from "../../../MqttState.ts"
import * as Session from "../../../protocol/Session.ts"
import type { SessionRunner } from "./sessionRunner.ts"

/** The labels of a client's numbers. */
export const attributes = (clientId: string, endpoint: string) => ({
  "messaging.system": "mqtt",
  "messaging.client.id": clientId,
  "mqtt.endpoint": endpoint
})

export const of = (runner: SessionRunner): Omit<Stats, "answersDropped" | "deadLetters" | "handlerRetries"> => {
  const { connections, deliveries, kept, outbox, subscriptions, traffic } = runner
  const { notices } = deliveries
  const session = Ref.getUnsafe(runner.session)
  const reserved = Session.reserved(session)
  const buffered = subscriptions.depth
  return {
    inFlight: session.outgoing.size - reserved,
    reserved,
    window: session.window,
    outboxMessages: outbox.size,
    outboxBytes: outbox.bytes,
    outboxDropped: outbox.dropped,
    storedMessages: kept?.outbox.totals.messages ?? 0,
    storedBytes: kept?.outbox.totals.bytes ?? 0,
    storeFailures: kept?.journal.failures ?? 0,
    expired: outbox.expired,
    republications: session.republications,
    connections,
    reconnects: Math.max(0, connections - 1),
    bufferMessages: buffered.messages,
    bufferBytes: buffered.bytes,
    receiveMaximumExceeded: session.excess,
    subscriptionsDropped: subscriptions.dropped,
    unclaimedDropped: deliveries.dropped,
    messagesTooLarge: notices.tooLarge,
    messagesMalformed: notices.malformed,
    messagesRefused: notices.refused,
    ...traffic
  }
}
