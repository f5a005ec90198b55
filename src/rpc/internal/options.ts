/**
 * The options of both sides, their defaults and checks.
 */
import * as Duration from "effect/Duration"
import * as Types from "../../internal/fieldTypes.ts"
import * as MqttError from "../../MqttError.ts"
import * as Topic from "../../protocol/Topic.ts"

/**
 * @since 0.2.0
 * @category models
 */
export interface ClientOptions {
  /** The topic that all topics of the service begin with, the same for its clients and servers. */
  readonly prefix: string
  /**
   * How long a call may wait for a server that takes it, waiting for a connection included. No server takes it later, by
   * the clock of the server. Default: 30 seconds.
   */
  readonly acceptTimeout?: Duration.Input | undefined
  /**
   * How long a server that has calls of this client, or this client, may give no sign of life. Then the calls fail, or
   * are interrupted. The lease must be longer than an outage that calls are to survive. Default: 30 seconds.
   */
  readonly lease?: Duration.Input | undefined
  /**
   * The QoS of requests. With 2 and persistent sessions on both sides no two servers get the same request. Default: 1.
   */
  readonly qos?: 1 | 2 | undefined
  /** Where answers arrive. Default: `<prefix>/client/<client identifier>`. */
  readonly answerTopic?: string | undefined
}

/**
 * @since 0.2.0
 * @category models
 */
export interface ServerOptions {
  /** The topic that all topics of the service begin with, the same for its clients and servers. */
  readonly prefix: string
  /**
   * The share of the servers that divide the calls among them, with a Shared Subscription. Without it the service may have
   * one server only. MQTT 5.0; brokers may have it for 3.1.1 as well. Default: none.
   */
  readonly group?: string | undefined
  /** Calls at once; the server refuses others. Default: 10,000. */
  readonly maximumCalls?: number | undefined
  /** Topic Filters of the topics that a client may have answers sent to. Default: `<prefix>/client/+`. */
  readonly answerTopics?: string | ReadonlyArray<string> | undefined
}

/** Durations in milliseconds. */
export interface ResolvedClient {
  readonly prefix: string
  readonly acceptTimeout: number
  readonly lease: number
  readonly qos: 1 | 2
  readonly answerTopic: string | undefined
}

export interface ResolvedServer {
  readonly prefix: string
  readonly group: string | undefined
  readonly maximumCalls: number
  readonly answerTopics: ReadonlyArray<string>
}

const oneOrTwo: Types.Kind = { accepts: (value) => value === 1 || value === 2, expected: "1 or 2" }

const clientFields: Types.FieldsOf<ClientOptions> = {
  prefix: Types.required(Types.string),
  acceptTimeout: Types.timeout,
  lease: Types.timeout,
  qos: oneOrTwo,
  answerTopic: Types.string
}

const serverFields: Types.FieldsOf<ServerOptions> = {
  prefix: Types.required(Types.string),
  group: Types.string,
  maximumCalls: Types.wholeNumber,
  answerTopics: Types.strings
}

type Reason = MqttError.InvalidOptions | undefined

const invalid = (option: string, description: string): MqttError.InvalidOptions =>
  new MqttError.InvalidOptions({ option, description })

const wrongType = (options: unknown, fields: Types.Fields): Reason => {
  const fault = Types.faultOf(options, Types.required(Types.record(fields)), "options")
  return fault === undefined ? undefined : invalid(fault.field.replace(/^options\./, ""), fault.description)
}

const wrongTopic = (option: string, topic: string | undefined): Reason => {
  if (topic === undefined) return undefined
  const wrong = Topic.validateTopicName(topic, "5.0")
  if (wrong !== undefined) return invalid(option, wrong.message)
  return topic.startsWith("$") ? invalid(option, "begins with \"$\", which servers keep for themselves") : undefined
}

const wrongFilter = (option: string, filter: string): Reason => {
  const wrong = Topic.validateTopicFilter(filter, "5.0")
  return wrong === undefined ? undefined : invalid(option, wrong.message)
}

/** A ShareName: MQTT 5.0 section 4.8.2. */
const wrongGroup = ({ group, prefix }: ServerOptions): Reason =>
  group === undefined ? undefined : group.includes("/")
    ? invalid("group", "has a \"/\" in it, which ends the name of a share")
    : wrongFilter("group", `$share/${group}/${prefix}`)

/** A lease must not last for ever. */
const wrongLength = (option: string, duration: Duration.Input | undefined): Reason =>
  duration === undefined || Duration.isFinite(Duration.fromInputUnsafe(duration))
    ? undefined
    : invalid(option, "is not finite: a call whose server died would never end")

const checked = <A>(reason: Reason, value: () => A): A | MqttError.MqttError =>
  reason === undefined ? value() : MqttError.fromReason(reason)

const defaultLength = Duration.seconds(30)

const milliseconds = (duration: Duration.Input | undefined): number =>
  Duration.toMillis(Duration.fromInputUnsafe(duration ?? defaultLength))

export const resolveClient = (options: ClientOptions): ResolvedClient | MqttError.MqttError =>
  checked(
    wrongType(options, clientFields) ?? wrongTopic("prefix", options.prefix) ??
      wrongTopic("answerTopic", options.answerTopic) ?? wrongLength("acceptTimeout", options.acceptTimeout) ??
      wrongLength("lease", options.lease),
    () => ({
      prefix: options.prefix,
      acceptTimeout: milliseconds(options.acceptTimeout),
      lease: milliseconds(options.lease),
      qos: options.qos ?? 1,
      answerTopic: options.answerTopic
    })
  )

const filtersOf = ({ answerTopics, prefix }: ServerOptions): ReadonlyArray<string> =>
  typeof answerTopics === "string" ? [answerTopics] : answerTopics ?? [`${prefix}/client/+`]

export const resolveServer = (options: ServerOptions): ResolvedServer | MqttError.MqttError =>
  checked(
    wrongType(options, serverFields) ?? wrongTopic("prefix", options.prefix) ??
      wrongGroup(options) ??
      filtersOf(options).map((filter) => wrongFilter("answerTopics", filter)).find((wrong) => wrong !== undefined),
    () => ({
      prefix: options.prefix,
      group: options.group,
      maximumCalls: options.maximumCalls ?? 10_000,
      answerTopics: filtersOf(options)
    })
  )
