/**
 * Where typed messages go: what a template says before any payload.
 *
 * Typed topics and typed topics of requests both have it.
 */
import type * as Result from "effect/Result"
import type * as MqttError from "../../MqttError.ts"
import type { Parts } from "./definition.ts"
import * as Receiving from "./receiving.ts"

/**
 * The Topic Names of a template, and its Topic Filter.
 *
 * @since 0.2.0
 * @category models
 */
export interface Address<Values> {
  readonly template: string
  /** The Topic Filter: `+` for each parameter, `#` for `{name...}`. */
  readonly filter: string
  /** Of a Shared Subscription; fails with `InvalidRequest` when the group is no ShareName. MQTT 5.0 section 4.8.2. */
  readonly shared: (group: string) => Result.Result<string, MqttError.MqttError>
  /**
   * The Topic Name with these parameters. It is one that `parse` reads back and no other template's: a parameter with a
   * separator, a wildcard or a control character in it is refused, one that is empty unless `allowEmpty` says otherwise,
   * and one that begins with "$" where it would be the first level.
   */
  readonly topic: (parameters: Values) => Result.Result<string, MqttError.MqttEncodeError>
  /** The parameters in a Topic Name. */
  readonly parse: (topic: string) => Result.Result<Values, MqttError.MqttDecodeError>
}

export const toAddress = <V>({ parameters, template: { source, topicFilter } }: Parts<V>): Address<V> => ({
  template: source,
  filter: topicFilter,
  shared: (group) => Receiving.shared(topicFilter, group),
  topic: parameters.format,
  parse: parameters.parse
})
