/**
 * The outcome of a run in words: how many messages were lost, repeated or are waiting, and why.
 */
import type { Cause, Counts, Fate, Message, Outcome, Place } from "./Outcome.ts"
import type { Setting } from "./Setting.ts"

/** Messages of one publisher, from one number to another. */
export interface Run {
  readonly name: string
  readonly first: number
  readonly last: number
}

const partsOf = (text: string): { readonly name: string; readonly number: number } => {
  const [name, digits] = text.split(" ")
  return { name, number: Number(digits) }
}

export const runsOf = (texts: ReadonlyArray<string>): ReadonlyArray<Run> => {
  const messages = texts.map(partsOf)
  const publishers = [...new Set(messages.map(({ name }) => name))]
  const sorted = publishers.flatMap((publisher) =>
    messages.filter(({ name }) => name === publisher).toSorted((one, other) => one.number - other.number)
  )
  return sorted.reduce((runs: ReadonlyArray<Run>, { name, number }) => {
    const run = runs.at(-1)
    if (run?.name !== name || run.last + 1 !== number) return [...runs, { name, first: number, last: number }]
    return [...runs.slice(0, -1), { ...run, last: number }]
  }, [])
}

/** A group of messages: "sensor 7 to 9, sensor 12". */
export const listed = (texts: ReadonlyArray<string>): string =>
  runsOf(texts).map(({ first, last, name }) => first === last ? `${name} ${first}` : `${name} ${first} to ${last}`)
    .join(", ")

/** Where lost messages were seen last; `it` stands for them. */
const causes: { readonly [cause in Cause]: (it: string) => string } = {
  program: (it) => `Only the memory of the program that was killed had ${it}`,
  toBroker: (it) =>
    `The publisher sent ${it}, and the broker never got ${it}. At QoS 0 nobody notices, and nobody sends ${it} again`,
  notKept: (it) => `The broker took ${it} while the station was not there, and it keeps no QoS 0 messages for later`,
  noSession: (it) =>
    `The broker took and acknowledged ${it}. It gave ${it} to nobody: it had no session in which the station had subscribed, or lost that session since`,
  toStation: (it) =>
    `The broker sent ${it} to the station, and the network lost ${it}. The broker does not send ${it} again`,
  buffer: (it) => `The station got ${it}, and dropped ${it}: its buffer had no room, or nothing consumed any more`,
  handler: () => `The handler failed, and the message does not come again`
}

const places: { readonly [place in Place]: string } = {
  outbox: "in the outbox of their publisher",
  flight: "in flight: sent and not acknowledged",
  store: "in the store of the page",
  broker: "at the broker, for the station",
  network: "on the network: the station has not read them",
  station: "in the buffer of the station or in its handler"
}

const reasons: { readonly [reason: string]: string | undefined } = {
  Overflow: "the outbox was full",
  SessionTakenOver: "another client with the same identifier has taken the session over",
  Quarantined: "connection after connection ended with it",
  ConnectionLost: "the connection was lost while the message was leaving"
}

const count = (number: number, one: string, many: string): string => number === 1 ? `1 ${one}` : `${number} ${many}`

/** The messages of each key, in the order in which the keys come. */
const groupsBy = (messages: ReadonlyArray<Message>, keyOf: (fate: Fate) => string | undefined) => {
  const groups = new Map<string, Array<string>>()
  for (const { fate, text } of messages) {
    const key = keyOf(fate)
    if (key !== undefined) groups.set(key, [...groups.get(key) ?? [], text])
  }
  return [...groups]
}

const isSingle = (texts: ReadonlyArray<string>): boolean => texts.length === 1

const aboutRepetition = (messages: ReadonlyArray<Message>, { qos, session }: Setting): ReadonlyArray<string> => {
  const repeated = messages.filter(({ handledAt }) => handledAt.length > 1).map(({ text }) => text)
  if (repeated.length === 0) return []
  const why = qos === 1
    ? "An acknowledgement did not come back, so the message was sent again: QoS 1 means at least once."
    : `A session was lost in between (it is ${session}), so the message was sent again as a new one.`
  return [`Repeated: the station handled ${listed(repeated)} more than once. ${why}`]
}

/** Clients that lost several connections. */
const aboutConnections = ({ flights }: Outcome): ReadonlyArray<string> => {
  const accepted = flights.filter(({ arrivedAt, packet }) => packet.type === "Connack" && arrivedAt !== undefined)
  const clients = [...new Set(accepted.map(({ client }) => client))]
  const often = clients.map((name) => ({ name, times: accepted.filter(({ client }) => client === name).length }))
    .filter(({ times }) => times > 2)
  if (often.length === 0) return []
  return [`The ${often.map(({ name, times }) => `${name} connected ${times} times`).join(", the ")}.`]
}

/** A sentence or two for each thing that happened to messages. */
export const explain = (outcome: Outcome, setting: Setting): ReadonlyArray<string> => {
  const { counts, messages } = outcome
  const lost = groupsBy(messages, (fate) => fate._tag === "Lost" ? fate.cause : undefined)
  const waiting = groupsBy(messages, (fate) => fate._tag === "Waiting" ? fate.place : undefined)
  const failed = groupsBy(messages, (fate) => fate._tag === "Failed" ? fate.reason : undefined)
  const putAside = messages.filter(({ fate }) => fate._tag === "PutAside").map(({ text }) => text)
  const sentAgain = messages.filter(({ departures }) => departures > 1)
  return [
    counts.handled === counts.published
      ? `The station handled all ${counts.published} messages.`
      : `The station handled ${counts.handled} of ${counts.published} messages.`,
    ...lost.map(([cause, texts]) =>
      `Lost: ${listed(texts)}. ${causes[cause as Cause](isSingle(texts) ? "it" : "them")}.`
    ),
    ...waiting.map(([place, texts]) =>
      `Waiting at the end: ${listed(texts)} ${isSingle(texts) ? "is" : "are"} ${places[place as Place]}.`
    ),
    ...failed.map(([reason, texts]) =>
      `Failed: the publish of ${listed(texts)} failed with ${reason}${
        reasons[reason] === undefined ? "" : `, because ${reasons[reason]}`
      }. Their program knows.`
    ),
    ...putAside.length === 0 ? [] : [`Put aside: ${listed(putAside)} became a dead letter after three attempts.`],
    ...aboutRepetition(messages, setting),
    ...sentAgain.length === 0
      ? []
      : [`The publisher sent ${count(sentAgain.length, "message", "messages")} again on another connection.`],
    ...aboutConnections(outcome)
  ]
}

/** The counts as a short line. */
export const summary = (counts: Counts): string =>
  [
    `${counts.published} published`,
    `${counts.handled} handled`,
    `${counts.repeated} repeated`,
    ...counts.putAside === 0 ? [] : [`${counts.putAside} put aside`],
    ...counts.failed === 0 ? [] : [`${counts.failed} failed`],
    `${counts.waiting} waiting`,
    `${counts.lost} lost`
  ].join(", ")
