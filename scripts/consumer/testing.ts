/** Brokers and networks of a library's tests. */
import { FakeNetwork, MemoryBroker, ScriptedServer } from "effect-mqtt/testing"
import { NodeMemoryBroker } from "effect-mqtt/testing/node"
import * as Effect from "effect/Effect"

export const broker = MemoryBroker.layer({ latency: "5 millis" })
export const madeBroker = MemoryBroker.make({ receiveMaximum: 10 })
export const listening = NodeMemoryBroker.layer()
export const network = (accept: FakeNetwork.Accept) => FakeNetwork.layer(accept)
export const madeNetwork = (accept: FakeNetwork.Accept) => FakeNetwork.make(accept)
export const server = ScriptedServer.layer()
export const accepted = Effect.flatMap(ScriptedServer.ScriptedServer, ({ accept }) => accept)
export const seen = Effect.map(MemoryBroker.MemoryBroker, (broker) => ({ ...broker }))
export const faults = Effect.map(FakeNetwork.FakeNetwork, (network) => ({ ...network }))
