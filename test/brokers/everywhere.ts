/**
 * The same tests against every broker and version there is.
 */
import { layer as suiteWithLayer, type Vitest } from "@effect/vitest"
import type * as Packet from "../../src/protocol/Packet.ts"
import * as Aedes from "./Aedes.ts"
import type { Broker } from "./Broker.ts"
import * as Mosquitto from "./Mosquitto.ts"

type Tests = (it: Vitest.MethodsNonLive<Broker>, protocolVersion: Packet.ProtocolVersion) => void

export const everywhere = (tests: Tests): void => {
  for (const version of ["5.0", "3.1.1"] as const) {
    Mosquitto.suite(`mosquitto, MQTT ${version}`, {}, (it) => tests(it, version))
  }
  suiteWithLayer(Aedes.layer(), { excludeTestServices: true })("aedes, MQTT 3.1.1", (it) => tests(it, "3.1.1"))
}
