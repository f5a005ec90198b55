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
  NetworkProbe: "stands on `effect/net`, for which Effect 3 has nothing",
  "node/NodeNetworkProbe": "stands on `effect/net`, for which Effect 3 has nothing",
  SocketTransport: "`MqttTransport.fromSocket` stands for it, over a Socket of `@effect/platform`",
  "testing/ScriptedServer": "for tests of a client itself",
  "testing/StoreSuite": "for tests of a store itself, with vitest 5 and Effect 4"
}
