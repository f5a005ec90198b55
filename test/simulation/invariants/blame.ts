/**
 * The client blames the right packet for the ends of connections.
 */
import type { Observations } from "../Observations.ts"

/** Connections in a row that a packet may take with it, by the default of `retransmit`. */
const attempts = 5

/** More, until the client has found out which of several it is. */
const whileSearching = 3

export const blameIsDeserved = function*({ packets, plan: { client, server }, published, subscribers }: Observations) {
  if (server?.isCalm !== true || !client.quarantines) return
  const { packet = "nothing", topic = "" } = server.poison ?? {}
  const given = [
    ...published.map(({ end, id, topic }) => ({ end, topic, what: `message ${id}` })),
    ...subscribers.map(({ end, filter, number }) => ({ end, topic: filter, what: `subscriber ${number}` }))
  ]
  for (const one of given) {
    if (one.end?.reason === "Quarantined" && one.topic !== topic) {
      yield `${one.what} to ${one.topic} is blamed, and the server hangs up on ${packet} ${topic}`.trimEnd()
    }
  }
  if (server.poison === undefined) return
  const seen = new Set(
    packets.filter(({ direction, packet }) =>
      direction === "received" &&
      ((packet._tag === "Publish" && packet.topic === topic) ||
        (packet._tag === "Subscribe" && packet.subscriptions.some(({ topicFilter }) => topicFilter === topic)) ||
        (packet._tag === "Unsubscribe" && packet.topicFilters.includes(topic)))
    ).map(({ connection }) => connection)
  )
  // With another message beside it, that one may be suspected first, and what counts in a row begins anew.
  const inTurn = published.some((message) => message.topic !== topic && message.topic !== "probe") ? 2 : 1
  if (seen.size > inTurn * attempts + whileSearching) yield `${packet} ${topic} ended ${seen.size} connections`
}
