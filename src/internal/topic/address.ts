/**
 * The address side of a typed topic: everything a template says before there is a payload.
 *
 * Typed topics and typed topics of requests share it.
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
  /**
   * The filter of a Shared Subscription. Fails with `InvalidRequest` if the group is not a valid ShareName. MQTT 5.0
   * section 4.8.2.
   */
  readonly shared: (group: string) => Result.Result<string, MqttError.MqttError>
  /**
   * The Topic Name with these parameters. It always matches the template, and `parse` reads it back. A parameter is
   * refused if it contains a separator, a wildcard or a control character, if it is empty without the option
   * `allowEmpty`, or if it begins with "$" and would be the first level.
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
