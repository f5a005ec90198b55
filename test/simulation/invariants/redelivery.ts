/**
 * A message that the server sends again on the living connection, as the client itself saw it: until its PUBACK is written
 * the identifier is that message.
 */
import type { Publish } from "../../../src/protocol/Packet.ts"
import { idOf, type Observations } from "../Observations.ts"
import { packetsOf } from "../server/Tape.ts"
import { whoIs } from "./receiving.ts"

const idIn = ({ payload }: Publish): number => idOf(new TextDecoder().decode(payload))

export const repeatedIsOneMessage = function*(observations: Observations) {
  const { attempts, plan } = observations
  if (plan.server?.redelivery === undefined) return
  /** How often each message was begun anew. */
  const exchanges = new Map<number, number>()
  for (const [index, { tape }] of attempts.entries()) {
    const open = new Set<number>()
    /** When one came again that is open, and which message it was. */
    const again = new Map<number, { readonly at: number; readonly id: number }>()
    const begin = (packetIdentifier: number, id: number): void => {
      open.add(packetIdentifier)
      exchanges.set(id, (exchanges.get(id) ?? 0) + 1)
    }
    for (const { at, direction, packet } of packetsOf(tape, plan.client.version)) {
      if (direction === "read" && packet._tag === "Publish" && packet.qos === 1) {
        const id = idIn(packet)
        if (open.has(packet.packetIdentifier)) again.set(packet.packetIdentifier, { at, id })
        else begin(packet.packetIdentifier, id)
      }
      if (direction !== "wrote" || packet._tag !== "Puback") continue
      if (!open.delete(packet.packetIdentifier)) {
        yield `at ${at}, attempt ${index + 1}: PUBACK ${packet.packetIdentifier} is written again`
      }
      // What comes in the instant in which PUBACK leaves may stand on either side of it.
      const repeated = again.get(packet.packetIdentifier)
      if (repeated?.at === at) begin(packet.packetIdentifier, repeated.id)
    }
  }
  yield* handledOnce(observations, exchanges)
}

const handledOnce = function*(observations: Observations, exchanges: ReadonlyMap<number, number>) {
  const counts = new Map<string, number>()
  for (const { how, id, qos, subscriber } of observations.received) {
    if (qos !== 1 || how !== "succeeded") continue
    const key = `message ${id} to ${whoIs(observations, subscriber)}`
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    const allowed = exchanges.get(id) ?? 0
    if (count === allowed + 1) yield `${key} was handed over ${count} times, and was sent anew ${allowed} times`
  }
}
