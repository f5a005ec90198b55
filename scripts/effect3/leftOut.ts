/**
 * What the package for Effect 3 does not have, and why. All else of the main package it must have: a test compares both.
 *
 * @since 0.2.0
 */

/**
 * Modules, by their path in `src`. Whole parts of the main package, such as `browser`, are no part of this one.
 *
 * @since 0.2.0
 * @category tables
 */
export const modules: Readonly<Record<string, string>> = {
  MqttConnection: "one connection without a client: for tools, which use the main package",
  MqttErrorSchema: "its schemas are those of Effect 4",
  MqttPublisher: "makes a page lighter, and the engine of this package is one file",
  MqttSubscriber: "makes a page lighter, and the engine of this package is one file",
  NetworkProbe: "stands on `effect/net`, for which Effect 3 has nothing",
  "node/NodeNetworkProbe": "stands on `effect/net`, for which Effect 3 has nothing",
  SocketTransport: "`MqttTransport.fromSocket` stands for it, over a Socket of `@effect/platform`",
  "testing/ScriptedServer": "for tests of a client itself"
}

const wrapped = "`Wrap` of Effect 4 sees a record in a schedule or a secret as well, and takes a `Config` of each field"

/**
 * Exports that say something else than those of the main package, by module and name. The test compares all others.
 *
 * @since 0.2.0
 * @category tables
 */
export const different: Readonly<Record<string, string>> = {
  "MqttClient.layerConfig": wrapped,
  "MqttConfig.Wrap": wrapped,
  "node/NodeMqtt.layerConfig": wrapped,
  "node/NodeMqttConfig.merge": wrapped
}

/**
 * Exports that only this package has, by module and name.
 *
 * @since 0.2.0
 * @category tables
 */
export const added: Readonly<Record<string, string>> = {
  "MqttError.catchReason": "`Effect.catchReason` of Effect 4",
  "MqttError.catchReasons": "`Effect.catchReasons` of Effect 4",
  "MqttTransport.fromSocket": "over a Socket of `@effect/platform`, as `SocketTransport` is over one of Effect 4"
}
