/**
 * The values of options that a program does not give. Resolving and the checks read them, and a test holds the
 * documentation to them.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import type * as MqttError from "../MqttError.ts"

/**
 * Random: half a second to two at first, twice as long after each failure, ten seconds to forty in the end, for ever.
 *
 * A server that restarts ends all connections at the same time, so only chance keeps its clients apart. The longest delay
 * is four times the shortest, so a wave of attempts is wider after each failure, until there are no waves. The shortest
 * delay grows too: if it were always zero, some clients would make all their early attempts while the server starts, and
 * wait long for the next. On average a client waits about as long as with delays of 1 to 30 seconds without chance.
 */
const reconnect: Schedule.Schedule<unknown, MqttError.MqttError> = Schedule.min([
  Schedule.exponential("500 millis"),
  Schedule.spaced("10 seconds")
]).pipe(
  Schedule.modifyDelay(({ duration }) =>
    Effect.map(Random.nextBetween(1, 4), (factor) => Duration.times(duration, factor))
  )
)

/** Four times, at once. */
const retransmit: Schedule.Schedule<unknown, MqttError.MqttError> = Schedule.recurs(4)

const bounds = { messages: 10_000, bytes: 16 * 1024 * 1024, policy: "suspend" } as const

/**
 * The defaults by the names of the options. An option that is missing here has no default, or its default depends on
 * other options.
 */
export const defaults = {
  protocolVersion: "5.0",
  followServerReference: { maximumHops: 3 },
  keepAlive: "60 seconds",
  connectTimeout: "10 seconds",
  responseTimeout: "10 seconds",
  drainTimeout: "1 second",
  unclaimedTimeout: "30 seconds",
  session: "clean",
  sessionExpiry: "1 day",
  refuseUnknownSession: false,
  reconnect,
  retransmit,
  escalate: { after: 5 },
  stableAfter: "10 seconds",
  isRetryable: ({ isRetryable }: MqttError.MqttError): boolean => isRetryable,
  initialConnection: "fail",
  maxInFlight: 1000,
  receiveMaximum: 1000,
  strictReceiveMaximum: false,
  maximumPacketSize: 1_048_576,
  filtersPerSubscribe: 100,
  topicAliasMaximum: 32,
  outgoingTopicAliasMaximum: 1024,
  outbox: bounds,
  storedOutbox: { messages: 1_000_000, bytes: 1024 * 1024 * 1024, policy: "suspend" },
  outboxAge: "Infinity",
  outboxAtCleanStart: "keep",
  buffer: bounds,
  will: { qos: 0, retain: false },
  presence: { online: "online", offline: "offline", qos: 1, retain: true },
  tracing: { propagate: true, consume: "parent" }
} as const
