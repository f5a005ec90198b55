/**
 * A successful publish has used its payload: at QoS 0 the network got all of it, and the broker has the bytes that were
 * given, even if the program has overwritten them since.
 */
import { idOf, type Observations, payloadOf } from "../Observations.ts"
import { packetsOf } from "../server/Tape.ts"

/** QoS 0 messages that the client handed to the network whole, as text. */
const writtenTexts = ({ attempts, plan: { client } }: Observations): ReadonlySet<string> => {
  const texts = new Set<string>()
  for (const { tape } of attempts) {
    for (const { direction, packet } of packetsOf(tape, client.version)) {
      if (direction === "wrote" && packet._tag === "Publish" && packet.qos === 0) {
        texts.add(new TextDecoder().decode(packet.payload))
      }
    }
  }
  return texts
}

export const handedToTheNetwork = function*(observations: Observations) {
  const accepted = new Set(observations.accepted.map(({ text }) => text))
  const missing = observations.published.filter(({ end, id, qos, size, whenOffline }) =>
    qos === 0 && end?.how === "succeeded" && whenOffline !== "drop" && !accepted.has(payloadOf(id, size))
  )
  if (missing.length === 0) return
  const written = writtenTexts(observations)
  for (const { end, id, size } of missing) {
    if (!written.has(payloadOf(id, size))) yield `message ${id} (QoS 0) succeeded at ${end?.at} and was never written`
  }
}

export const payloadsAreAsGiven = function*({ accepted, published }: Observations) {
  const texts = new Map(published.map(({ id, size }) => [id, payloadOf(id, size)]))
  const topics = new Set(published.map(({ topic }) => topic))
  for (const { acceptedAt, text, topic } of accepted) {
    if (topics.has(topic) && texts.get(idOf(text)) !== text) {
      yield `at ${acceptedAt} the broker accepted "${text.slice(0, 20)}" to ${topic}, which nobody published`
    }
  }
}

/** The server may have forgotten an alias, or never learned it. */
export const noAliasWhenSentAgain = function*({ packets }: Observations) {
  for (const { at, connection, direction, packet } of packets) {
    if (direction === "received" && packet._tag === "Publish" && packet.dup && packet.properties.topicAlias) {
      yield `at ${at}, connection ${connection}: a message is sent again with Topic Alias ${packet.properties.topicAlias}`
    }
  }
}
