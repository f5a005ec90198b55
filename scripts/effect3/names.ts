/**
 * What types of Effect 4 are called in Effect 3.
 *
 * @since 0.2.0
 */

/**
 * A type of a module, such as `DurationInput` of `effect/Duration`.
 *
 * @since 0.2.0
 * @category models
 */
export interface Name {
  readonly module: string
  readonly name: string
}

/**
 * By module and name in Effect 4. What is not here is called the same.
 *
 * @since 0.2.0
 * @category tables
 */
export const renames: Readonly<Record<string, Name>> = {
  "effect/Config#ConfigError": { module: "effect/ConfigError", name: "ConfigError" },
  "effect/Config#Wrap": { module: "effect/Config", name: "Config.Wrap" },
  "effect/Context#ServiceClass": { module: "effect/Context", name: "TagClass" },
  "effect/Duration#Input": { module: "effect/Duration", name: "DurationInput" },
  "effect/Metric#Counter": { module: "effect/Metric", name: "Metric.Counter" },
  "effect/Metric#Gauge": { module: "effect/Metric", name: "Metric.Gauge" },
  "effect/Metric#Histogram": { module: "effect/Metric", name: "Metric.Histogram" },
  "effect/Result#Result": { module: "effect/Either", name: "Either" },
  "effect/SubscriptionRef#SubscriptionRef": { module: "effect/Subscribable", name: "Subscribable" },
  "effect/persistence/KeyValueStore#KeyValueStore": { module: "@effect/platform/KeyValueStore", name: "KeyValueStore" }
}

/**
 * Types without a name in Effect 3. `Context.Key` stands where a class of a service is asked for: one of Effect 3 is
 * invariant, so only what is read of it can be asked for.
 *
 * @since 0.2.0
 * @category tables
 */
export const structures: Readonly<Record<string, string>> = {
  "effect/Context#Key": "{ readonly Identifier: unknown; readonly Service: unknown }"
}

/**
 * Type parameters that Effect 3 does not have, by their index.
 *
 * @since 0.2.0
 * @category tables
 */
export const withoutParameter: Readonly<Record<string, number>> = {
  "effect/Schedule#Schedule": 2
}

/**
 * What becomes a class in Effect 3.
 *
 * @since 0.2.0
 * @category tables
 */
export const reference = "effect/Context#Reference"
