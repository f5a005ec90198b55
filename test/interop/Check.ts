/**
 * A check of the suite: its actions on a broker, and the result.
 *
 * `yes` is the result that the specification and the client's documentation promise. Any other result is described in
 * words, which must be the words of `expectations.ts` for the broker.
 */
import { type Duration, Effect, Option, Queue, Schedule, type Scope } from "effect"
import type { MqttClient, MqttError, MqttMessage } from "../../src/index.ts"
import type * as Packet from "../../src/protocol/Packet.ts"
import * as Broker from "../brokers/Broker.ts"
import type { Running, Subject } from "../brokers/Subject.ts"
import { credentials } from "../brokers/Subject.ts"
import * as Wire from "../brokers/Wire.ts"

export const yes = "yes"

/** The brokers to which messages of QoS 2 can be published. */
export const withQos2: ReadonlyArray<string> = [
  "mosquitto",
  "mosquitto-unlimited",
  "mosquitto-plugin",
  "ejabberd",
  "aedes2",
  "aedes1",
  "activemq"
]

type Client = MqttClient.MqttClient["Service"]

/** What a check has to work with. */
export interface Context {
  readonly subject: Subject
  readonly running: Running
  readonly protocolVersion: Packet.ProtocolVersion
  /** A topic, or the beginning of topics or client identifiers, that no other check has. */
  readonly name: string
  /** Options every client needs here. */
  readonly options: MqttClient.Options
  readonly client: (options?: MqttClient.Options) => Effect.Effect<Client, MqttError.MqttError, Requirements>
}

type Requirements = Broker.Broker | Scope.Scope

export interface Check {
  readonly name: string
  /** The head of its column. */
  readonly title: string
  /** What is done, and what `yes` means. */
  readonly description: string
  /** The brokers it can be done to. Default: all. */
  readonly subjects?: ReadonlyArray<string>
  /** Default: both. */
  readonly versions?: ReadonlyArray<Packet.ProtocolVersion>
  /** How long it may take. */
  readonly within?: Duration.Input
  readonly run: (context: Context) => Effect.Effect<string, MqttError.MqttError, Requirements>
}

/** At once, and not for ever: what never succeeds is to end as what it fails with. */
const reconnect = Schedule.max([Broker.soon, Schedule.recurs(20)])

export const makeContext = (
  subject: Subject,
  running: Running,
  protocolVersion: Packet.ProtocolVersion,
  check: Check
): Context => {
  const options = { ...credentials, protocolVersion, reconnect }
  return {
    subject,
    running,
    protocolVersion,
    name: `${check.name}${protocolVersion === "5.0" ? 5 : 3}`,
    options,
    client: (more) => Broker.client({ ...options, ...more })
  }
}

/** A client whose packets are written down. */
export const recorded = Effect.fnUntraced(function*({ options }: Context, more?: MqttClient.Options) {
  const wire = yield* Wire.make
  return { wire, mqtt: yield* wire.client({ ...options, ...more }) }
})

const hexadecimal = (code: number): string => `0x${code.toString(16).padStart(2, "0")}`

/** What went wrong, without what differs from run to run. */
export const nameOf = ({ reason }: MqttError.MqttError): string => {
  switch (reason._tag) {
    case "ServerLimit":
      return `ServerLimit (${reason.limit})`
    case "ConnectionRefused":
    case "ServerDisconnected":
    case "PublishRefused":
    case "SubscribeRefused":
      return `${reason._tag} (${hexadecimal(reason.reasonCode)})`
    case "ProtocolViolation":
      return `ProtocolViolation (${reason.label})`
    case "WebSocketFailed":
    case "TlsFailed":
      return `${reason._tag} (${reason.problem})`
    default:
      return reason._tag
  }
}

/** `yes`, unless there is something to be said. */
export const verdict = (...remarks: ReadonlyArray<string | false | undefined>): string => {
  const said = remarks.filter((remark) => typeof remark === "string")
  return said.length === 0 ? yes : said.join(", ")
}

/** What it fails with, in words; `undefined` when it succeeds. */
export const failureOf = <A, R>(effect: Effect.Effect<A, MqttError.MqttError, R>) =>
  Effect.match(effect, { onFailure: nameOf, onSuccess: () => undefined })

export type Inbox = Queue.Dequeue<MqttMessage.MqttMessage, unknown>

/** How long something is waited for that has to come. */
const patience = "5 seconds"

/** The next message; `undefined` when none comes. */
export const next = (inbox: Inbox, within: Duration.Input = patience) =>
  Queue.take(inbox).pipe(
    Effect.timeoutOption(within),
    Effect.orElseSucceed(Option.none<MqttMessage.MqttMessage>),
    Effect.map(Option.getOrUndefined)
  )

/** The texts of what is there now. */
export const textsOf = (inbox: Inbox): Effect.Effect<ReadonlyArray<string>> =>
  Queue.clear(inbox).pipe(
    Effect.map((messages) => messages.map(({ text }) => text)),
    Effect.orElseSucceed(() => [])
  )

/** What comes until a message with this text, or until nothing comes any more. */
export const until = Effect.fnUntraced(function*(inbox: Inbox, text: string) {
  const messages: Array<MqttMessage.MqttMessage> = []
  while (true) {
    const message = yield* next(inbox)
    if (message === undefined || message.text === text) return messages
    messages.push(message)
  }
})

/** Waits for an effect as long as for a message. */
export const inTime = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.timeoutOption(effect, patience), Option.getOrUndefined)

/** Texts as they came, with their number where there are more than one. */
export const counted = (texts: ReadonlyArray<string>): string =>
  [...new Set(texts)].map((text) => {
    const count = texts.filter((other) => other === text).length
    return count === 1 ? text : `${count} × ${text}`
  }).join(" ")
