/**
 * The calls of the public API: correct arguments for each, and the fields that can have a wrong value.
 */
import { Effect, Redacted, Result, Schedule, Schema, type Scope, Stream } from "effect"
import * as MqttClient from "../../../../src/MqttClient.ts"
import * as MqttConnection from "../../../../src/MqttConnection.ts"
import * as MqttTopic from "../../../../src/MqttTopic.ts"
import type { MqttTransport } from "../../../../src/MqttTransport.ts"
import type { ProtocolVersion } from "../../../../src/protocol/Packet.ts"
import * as Fields from "./fields.ts"
import * as Values from "./values.ts"

/** Arguments by their names. The types of the calls forbid the wrong ones. */
export interface Arguments {
  readonly [name: string]: never
}

/** What a call is made on. */
export interface On {
  readonly mqtt: MqttClient.MqttClient["Service"]
  readonly connection: MqttConnection.MqttConnection
}

export interface Call {
  readonly name: string
  readonly versions: ReadonlyArray<ProtocolVersion>
  readonly right: (version: ProtocolVersion) => { readonly [name: string]: unknown }
  readonly fields: (version: ProtocolVersion) => Fields.Fields
  readonly run: (on: On, given: Arguments) => Effect.Effect<unknown, unknown, Scope.Scope | MqttTransport>
  /** How it names a field when not by the last part of its path. */
  readonly named?: { readonly [path: string]: string }
  /** It only makes sense while there is a connection. */
  readonly isOnlineOnly?: boolean
  /** The server in memory does not take what is right. */
  readonly isUnanswered?: boolean
}

const both = ["5.0", "3.1.1"] as const

const { required } = Values
const { under } = Fields

const options = (fields: Fields.Fields): Fields.Fields => ({
  options: Values.optional(Values.isRecord),
  ...under("options", fields)
})

const handled = () => Effect.void

/** Of a consumer, with all that has fields of its own. */
const consuming = { qos: 1, deadLetter: { topic: "dead" } }

const number = MqttTopic.json(Schema.Number)

const topics = MqttTopic.make("typed/{name}", { payload: number })

const requestTopics = MqttTopic.makeRequest("asked/{name}", { payload: number, answer: MqttTopic.text })

const withClient = ({ mqtt }: On) => Effect.provideService(MqttClient.MqttClient, mqtt)

const taken = <E, R>(stream: Stream.Stream<unknown, E, R>) => Stream.runDrain(stream)

/** What is published with types. */
const typed: Fields.Fields = {
  // A function has a name, which is the parameter here.
  parameters: required(Values.isFunction),
  "parameters.name": required((value) => Values.isTopicName(value) && !(value as string).includes("/")),
  value: required((value) => Number.isFinite(value) || value === Infinity || Number.isNaN(value))
}

/** How messages are received with types. */
const typedReceiving: Fields.Fields = {
  share: Values.optional((value) => Values.isTopicName(value) && !(value as string).includes("/")),
  onInvalid: Values.optional((value) => value === "log" || Values.isFunction(value))
}

const publishing: ReadonlyArray<Call> = [
  {
    name: "publish",
    versions: both,
    right: () => ({ topic: "t", payload: "right", options: { qos: 1 } }),
    fields: (version) => ({ ...Fields.message, ...options(Fields.publishOptions(version)) }),
    run: ({ mqtt }, { options, payload, topic }) => mqtt.publish(topic, payload, options)
  },
  {
    name: "publishAsync",
    versions: both,
    right: () => ({ topic: "t", payload: "right", options: { qos: 1 } }),
    fields: (version) => ({ ...Fields.message, ...options(Fields.publishOptions(version)) }),
    run: ({ mqtt }, { options, payload, topic }) => Effect.flatten(mqtt.publishAsync(topic, payload, options))
  },
  {
    name: "publishSink",
    versions: both,
    right: () => ({ message: { topic: "t", payload: "right", qos: 1 } }),
    fields: (version) => ({
      message: required(Values.isNothing),
      ...under("message", { ...Fields.message, ...Fields.publishOptions(version) })
    }),
    run: ({ mqtt }, { message }) => Stream.run(Stream.make(message), mqtt.publishSink),
    named: { message: "" }
  },
  {
    name: "MqttTopic.publish",
    versions: both,
    right: () => ({ parameters: { name: "a" }, value: 1, options: { qos: 1 } }),
    fields: (version) => ({ ...typed, ...options(Fields.publishOptions(version)) }),
    run: (on, { options, parameters, value }) => withClient(on)(topics.publish(parameters, value, options)),
    named: { parameters: "", value: "payload" }
  }
]

const requests: ReadonlyArray<Call> = [
  {
    name: "request",
    versions: ["5.0"],
    right: () => ({ topic: "ask", payload: "right", options: { qos: 1, timeout: "1 second" } }),
    fields: () => ({ ...Fields.message, ...options(Fields.requestOptions) }),
    run: ({ mqtt }, { options, payload, topic }) => mqtt.request(topic, payload, options)
  },
  {
    name: "respond",
    versions: ["5.0"],
    right: () => ({ topicFilter: "asked", handler: () => Effect.succeed("answer"), options: consuming }),
    fields: (version) => ({
      topicFilter: required(Values.isTopicFilters),
      handler: required(Values.isFunction),
      ...options(Fields.respondOptions(version))
    }),
    run: ({ mqtt }, { handler, options, topicFilter }) => mqtt.respond(topicFilter, handler, options)
  },
  {
    name: "MqttTopic.request",
    versions: ["5.0"],
    right: () => ({ parameters: { name: "a" }, value: 1, options: { qos: 1, timeout: "1 second" } }),
    fields: () => ({ ...typed, ...options(Fields.requestOptions) }),
    run: (on, { options, parameters, value }) => withClient(on)(requestTopics.request(parameters, value, options)),
    named: { parameters: "", value: "payload" }
  },
  {
    name: "MqttTopic.respond",
    versions: ["5.0"],
    right: () => ({ handler: () => Effect.succeed("answer"), options: consuming }),
    fields: (version) => ({
      handler: required(Values.isFunction),
      ...options({ ...Fields.respondOptions(version), ...typedReceiving })
    }),
    run: (on, { handler, options }) => withClient(on)(requestTopics.respond(handler, options)),
    named: { "options.share": "" }
  }
]

const filters = { topicFilter: required(Values.isTopicFilters) }

const receiving: ReadonlyArray<Call> = [
  {
    name: "subscribe",
    versions: both,
    right: () => ({ topicFilter: "s", options: { qos: 1 } }),
    fields: (version) => ({ ...filters, ...options(Fields.subscribeOptions(version)) }),
    run: ({ mqtt }, { options, topicFilter }) => Effect.flatMap(mqtt.subscribe(topicFilter, options), taken)
  },
  {
    name: "messages",
    versions: both,
    right: () => ({ topicFilter: "s", options: { qos: 1 } }),
    fields: (version) => ({ ...filters, ...options(Fields.subscribeOptions(version)) }),
    run: ({ mqtt }, { options, topicFilter }) => taken(mqtt.messages(topicFilter, options))
  },
  {
    name: "deliveries",
    versions: both,
    right: () => ({ topicFilter: "s", options: { qos: 1 } }),
    fields: (version) => ({ ...filters, ...options(Fields.subscribeOptions(version)) }),
    run: ({ mqtt }, { options, topicFilter }) => taken(mqtt.deliveries(topicFilter, options))
  },
  {
    name: "next",
    versions: both,
    right: () => ({ topicFilter: "s", options: { qos: 1 } }),
    fields: (version) => ({ ...filters, ...options(Fields.nextOptions(version)) }),
    run: ({ mqtt }, { options, topicFilter }) => mqtt.next(topicFilter, options)
  },
  {
    name: "consume",
    versions: both,
    right: () => ({ topicFilter: "s", handler: handled, options: consuming }),
    fields: (version) => ({
      ...filters,
      handler: required(Values.isFunction),
      ...options(Fields.consumeOptions(version))
    }),
    run: ({ mqtt }, { handler, options, topicFilter }) => mqtt.consume(topicFilter, handler, options)
  },
  {
    name: "MqttTopic.subscribe",
    versions: both,
    right: () => ({ options: { qos: 1 } }),
    fields: (version) => options({ ...Fields.subscribeOptions(version), ...typedReceiving }),
    run: (on, { options }) => withClient(on)(Effect.flatMap(topics.subscribe(options), taken)),
    // What a ShareName says is told as of a level of a topic.
    named: { "options.share": "" }
  },
  {
    name: "MqttTopic.next",
    versions: both,
    right: () => ({ options: { qos: 1 } }),
    fields: (version) => options({ ...Fields.nextOptions(version), ...typedReceiving }),
    run: (on, { options }) => withClient(on)(topics.next(options)),
    named: { "options.share": "" }
  },
  {
    name: "MqttTopic.deliveries",
    versions: both,
    right: () => ({ options: { qos: 1 } }),
    fields: (version) => options({ ...Fields.subscribeOptions(version), ...typedReceiving }),
    run: (on, { options }) => withClient(on)(taken(topics.deliveries(options))),
    named: { "options.share": "" }
  },
  {
    name: "MqttTopic.subscribeWithFailures",
    versions: both,
    right: () => ({ options: { qos: 1 } }),
    fields: () => options({ failures: Values.optional(Values.isCount) }),
    run: (on, { options }) =>
      withClient(on)(Effect.flatMap(topics.subscribeWithFailures(options), ({ messages }) => taken(messages)))
  },
  {
    name: "MqttTopic.consume",
    versions: both,
    right: () => ({ handler: handled, options: consuming }),
    fields: (version) => ({
      handler: required(Values.isFunction),
      ...options({
        ...Fields.consumeOptions(version),
        onInvalid: Values.optional((value) => value === "log" || Values.isFunction(value))
      })
    }),
    run: (on, { handler, options }) => withClient(on)(topics.consume(handler, options))
  },
  {
    name: "MqttTopic.latest",
    versions: both,
    right: () => ({ topic: "s", options: { qos: 1 } }),
    fields: (version) => ({
      topic: required(Values.isTopicName),
      ...options({ ...Fields.subscribeOptions(version), payload: Values.optional(Values.isNothing) })
    }),
    run: (on, { options, topic }) => withClient(on)(Effect.andThen(MqttTopic.latest(topic, options), Effect.never))
  }
]

const ending: ReadonlyArray<Call> = [
  {
    name: "disconnectWith",
    versions: ["5.0"],
    right: () => ({ options: { reasonString: "right" } }),
    fields: () => ({
      options: required((value) => Values.isRecord(value)),
      ...under("options", Fields.disconnectOptions)
    }),
    run: ({ mqtt }, { options }) => mqtt.disconnectWith(options)
  }
]

const packetProperties = Values.required((value) => Values.isRecord(value) && Object.keys(value as object).length === 0)

const packet = (name: string, right: object, fields: Fields.Fields): Call => ({
  name: `MqttConnection.send ${name}`,
  versions: both,
  right: () => ({ packet: { _tag: name, ...right } }),
  fields: () => ({ packet: required(Values.isNothing), "packet._tag": Values.isNothing, ...under("packet", fields) }),
  run: ({ connection }, { packet }) => connection.send(packet),
  named: { packet: "", "packet.subscriptions.0": "subscriptions" },
  isOnlineOnly: true
})

const identifier = { packetIdentifier: required(Values.integer(1, 65_535)) }

const connections: ReadonlyArray<Call> = [
  packet("Publish", {
    topic: "t",
    payload: new Uint8Array(3),
    qos: 0,
    retain: false,
    dup: false,
    packetIdentifier: 0,
    properties: {}
  }, {
    topic: required(Values.isTopicName),
    payload: required(Values.isBytes),
    // The others need a Packet Identifier.
    qos: required(Values.isQos),
    retain: required(Values.isBoolean),
    dup: required(Values.oneOf(false)),
    packetIdentifier: required(Values.oneOf(0)),
    properties: packetProperties
  }),
  packet("Subscribe", {
    packetIdentifier: 7,
    subscriptions: [{ topicFilter: "a", qos: 0, noLocal: false, retainAsPublished: false, retainHandling: 0 }],
    properties: {}
  }, {
    ...identifier,
    subscriptions: required(Values.isNothing),
    "subscriptions.0": required(Values.isNothing),
    "subscriptions.0.topicFilter": required((value) => Values.isText(value) && value !== ""),
    "subscriptions.0.qos": required(Values.isQos),
    "subscriptions.0.noLocal": required(Values.isBoolean),
    "subscriptions.0.retainAsPublished": required(Values.isBoolean),
    "subscriptions.0.retainHandling": required(Values.isQos),
    properties: packetProperties
  }),
  packet("Unsubscribe", { packetIdentifier: 8, topicFilters: ["a"], properties: {} }, {
    ...identifier,
    topicFilters: required((value) => Array.isArray(value) && Values.isTopicFilters(value)),
    properties: packetProperties
  }),
  packet("Puback", { packetIdentifier: 9, reasonCode: 0, properties: {} }, {
    ...identifier,
    reasonCode: required(Values.oneOf(0, 0x80)),
    properties: packetProperties
  })
]

const transported = { clientId: "made", reconnect: Schedule.spaced("1 second") }

/** Opens something of its own, and closes it if it was made after all. */
const making: ReadonlyArray<Call> = [
  {
    name: "MqttClient.make",
    versions: both,
    right: (protocolVersion) => ({
      options: {
        ...transported,
        protocolVersion,
        followServerReference: {},
        escalate: { run: () => Effect.void },
        outbox: {},
        buffer: {},
        will: { topic: "will", payload: "gone", properties: {} },
        birth: { topic: "birth", payload: "here", properties: {} },
        tracing: {},
        metrics: {}
      }
    }),
    fields: (version) => ({
      options: Values.optional(Values.isEmptyRecord),
      ...under("options", Fields.clientOptions(version))
    }),
    run: (_, { options }) => Effect.asVoid(MqttClient.make(options)),
    // A field that is no option is told of by its name.
    named: { options: "" },
    isOnlineOnly: true
  },
  {
    name: "MqttClient.make with presence",
    versions: both,
    right: (protocolVersion) => ({ options: { ...transported, protocolVersion, presence: { topic: "presence" } } }),
    fields: () => ({
      "options.presence": Values.optional(Values.isNothing),
      ...under("options.presence", Fields.presence)
    }),
    run: (_, { options }) => Effect.asVoid(MqttClient.make(options)),
    isOnlineOnly: true
  },
  {
    name: "MqttClient.make with authentication",
    versions: ["5.0"],
    right: () => ({
      options: {
        ...transported,
        authentication: { method: "M", start: Effect.succeed({ initial: Redacted.make("x") }) }
      }
    }),
    fields: () => ({
      "options.authentication": Values.optional(Values.isNothing),
      ...under("options.authentication", Fields.authentication)
    }),
    run: (_, { options }) => Effect.asVoid(MqttClient.make(options)),
    isOnlineOnly: true,
    isUnanswered: true
  },
  {
    name: "MqttConnection.make",
    versions: both,
    right: (protocolVersion) => ({
      options: {
        clientId: "probe",
        protocolVersion,
        will: { topic: "will", payload: new Uint8Array(1), qos: 0, retain: false, properties: {} }
      }
    }),
    fields: () =>
      under("options", {
        protocolVersion: Values.optional(Values.oneOf("3.1.1", "5.0")),
        clientId: Values.optional(Values.isText),
        cleanStart: Values.optional(Values.isBoolean),
        keepAlive: Values.optional(Values.wholeSeconds(65_535)),
        pingInterval: Values.optional(Values.isDuration),
        will: Values.optional(Values.isNothing),
        "will.topic": required(Values.isTopicName),
        "will.payload": required(Values.isBytes),
        "will.qos": required(Values.isQos),
        "will.retain": required(Values.isBoolean),
        username: Values.optional(Values.isText),
        password: Values.optional(Values.isNothing),
        maximumPacketSize: Values.optional(Values.integer(1, 0xffff_ffff)),
        packetTimeout: Values.optional(Values.isTimeout),
        responseTimeout: Values.optional(Values.isTimeout),
        connectTimeout: Values.optional(Values.isTimeout),
        drainTimeout: Values.optional(Values.isDuration),
        outgoingTopicAliasMaximum: Values.optional(Values.integer(0, 65_535))
      }),
    run: (_, { options }) => Effect.asVoid(MqttConnection.make(options)),
    isOnlineOnly: true
  },
  {
    name: "MqttTopic.makeResult",
    versions: ["5.0"],
    right: () => ({ template: "a/{b}", definition: { payload: Schema.String }, options: {} }),
    fields: () => ({
      template: required((value) => Values.isTopicName(value)),
      definition: required(Values.isNothing),
      "definition.payload": required(Values.isNothing),
      "definition.b": Values.optional(Values.isNothing),
      ...options({ allowEmpty: Values.optional(Values.isBoolean) })
    }),
    run: (_, { definition, options, template }) =>
      Effect.fromResult(
        Result.map(MqttTopic.makeResult<string, never>(template, definition, options), () => undefined)
      ),
    // What is missing in it, or stands there without a place in the template, is told of by its name.
    named: { definition: "" },
    isOnlineOnly: true
  },
  {
    name: "MqttTopic.makeRequestResult",
    versions: ["5.0"],
    right: () => ({
      template: "a/{b}",
      definition: { payload: Schema.String, answer: Schema.String, failure: Schema.String },
      options: {}
    }),
    fields: () => ({
      template: required((value) => Values.isTopicName(value)),
      definition: required(Values.isNothing),
      "definition.payload": required(Values.isNothing),
      "definition.answer": required(Values.isNothing),
      "definition.failure": Values.optional(Values.isNothing),
      ...options({ allowEmpty: Values.optional(Values.isBoolean) })
    }),
    run: (_, { definition, options, template }) =>
      Effect.fromResult(
        Result.map(MqttTopic.makeRequestResult<string, never>(template, definition, options), () => undefined)
      ),
    named: { definition: "" },
    isOnlineOnly: true
  }
]

export const calls: ReadonlyArray<Call> = [
  ...publishing,
  ...requests,
  ...receiving,
  ...ending,
  ...connections,
  ...making
]
