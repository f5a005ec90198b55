/**
 * A network in virtual time that fails on demand.
 */
import * as Context from "effect/Context"

export class FakeNetwork extends Context.Tag("effect-mqtt-v3/testing/FakeNetwork")<
  FakeNetwork,
  Readonly<Record<string, unknown>>
>() {}
