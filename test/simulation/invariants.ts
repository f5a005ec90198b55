/**
 * The invariants of every run, as one table: number, name, and the checks at each moment and at the end.
 *
 * The checks themselves are in `invariants/`. The broker notices the rules that a client's packets alone can break;
 * here they get their number.
 */
import { type RuleName, rules } from "../../src/testing/broker/Violations.ts"
import type { MemoryBroker } from "../../src/testing/index.ts"
import { blameIsDeserved } from "./invariants/blame.ts"
import { bytesBounded } from "./invariants/bytes.ts"
import {
  acknowledgedWhenHandled,
  answersReachWhoAsked,
  consumersEndAsTold,
  deadLettersStay,
  grantedByItsOwn,
  handledOnce,
  nobodyWaitsForEver,
  nobodyWaitsForOthers,
  optionsOfThePresent,
  refusedAlone,
  whoStaysMissesNothing
} from "./invariants/calls.ts"
import { backoffFollowed, deadPeersFound, everyCallSettles, nothingLeft, oneAtATime } from "./invariants/connection.ts"
import {
  acknowledgedWhenDealtWith,
  consumersEndInOrder,
  deadLettersAreRight,
  oneAfterAnother
} from "./invariants/jobs.ts"
import {
  boundsHeld,
  chunksBounded,
  limitsAreTheConnections,
  windowIsTheConnections,
  windowKept
} from "./invariants/limits.ts"
import { letIn, nobodyWaits, noConnectionEnded } from "./invariants/otherClients.ts"
import { deliveredAsReported, nothingLost, orderKept } from "./invariants/publishing.ts"
import { acknowledgedAfterHandover, deliveredOnce } from "./invariants/receiving.ts"
import { repeatedIsOneMessage } from "./invariants/redelivery.ts"
import { isLied, opened } from "./invariants/sessions.ts"
import { notSubscribedAgain, subscriptionsAsWanted } from "./invariants/subscriptions.ts"
import { handedToTheNetwork, noAliasWhenSentAgain, payloadsAreAsGiven } from "./invariants/writing.ts"
import type { Moment, Observations } from "./Observations.ts"

export interface Violation {
  readonly invariant: number
  readonly description: string
}

interface Invariant {
  readonly number: number
  readonly name: string
  readonly atEachMoment?: (moment: Moment) => Iterable<string>
  readonly atEnd?: (observations: Observations) => Iterable<string>
}

/** Which invariant a rule of the broker belongs to; what is not named is 7, the form of the conversation. */
const ruleInvariants: { readonly [Name in RuleName]?: number } = {
  keepAlive: 8,
  identifierInUse: 4,
  resentOnLiveConnection: 6,
  dupOnFirstSending: 6,
  dupMissing: 6,
  changedOnResend: 6,
  notResent: 3,
  resendOrder: 3,
  publishAfterPubrel: 3,
  pubrelUnexpected: 3,
  pubrelOrder: 3,
  pubackOrder: 3,
  pubrecOrder: 3,
  answerUnexpected: 13,
  receiveMaximum: 5,
  packetTooLarge: 15,
  maximumQos: 15,
  retainNotAvailable: 15,
  topicAliasTooHigh: 15,
  topicAliasNotAllowed: 15,
  topicAliasUnknown: 15
}

const ruleNames = new Map<string, RuleName>(
  (Object.keys(rules) as ReadonlyArray<RuleName>).map((name) => [rules[name].description, name])
)

export const table: ReadonlyArray<Invariant> = [
  { number: 1, name: "what is reported is what was delivered", atEnd: deliveredAsReported },
  { number: 2, name: "nothing accepted is lost or dropped in silence", atEnd: nothingLost },
  { number: 3, name: "order is kept, unfinished before new", atEnd: orderKept },
  { number: 4, name: "no identifier is used twice at a time, all come back" },
  { number: 5, name: "the window is kept", atEachMoment: windowIsTheConnections, atEnd: windowKept },
  { number: 6, name: "sent again only on another connection, with DUP" },
  { number: 7, name: "every connection is well formed from CONNECT to DISCONNECT" },
  { number: 8, name: "the server is never left in silence, a dead one is found", atEnd: deadPeersFound },
  { number: 9, name: "every call settles, connecting is bounded", atEnd: everyCallSettles },
  { number: 10, name: "nothing is left when it is closed", atEnd: nothingLeft },
  { number: 11, name: "queues keep their bounds", atEachMoment: boundsHeld, atEnd: chunksBounded },
  {
    number: 12,
    name: "reconnecting follows the schedule, one connection at a time",
    atEnd: function*(observations) {
      yield* oneAtATime(observations)
      yield* backoffFollowed(observations)
    }
  },
  {
    number: 13,
    name: "QoS 2 is delivered once, acknowledged after it was dealt with",
    atEnd: function*(observations) {
      yield* deliveredOnce(observations)
      yield* acknowledgedAfterHandover(observations)
    }
  },
  {
    number: 14,
    name: "the server has the subscriptions that are wanted, and is not asked again for those it has",
    atEnd: function*(observations) {
      yield* subscriptionsAsWanted(observations)
      yield* notSubscribedAgain(observations)
    }
  },
  { number: 15, name: "limits and aliases are those of the connection", atEachMoment: limitsAreTheConnections },
  {
    number: 16,
    name: "a subscriber is granted by a SUBACK to a request of its own, and its refusal is nobody else's",
    atEnd: function*(observations) {
      yield* grantedByItsOwn(observations)
      yield* refusedAlone(observations)
    }
  },
  {
    number: 17,
    name: "the options of a subscription are those of its present subscribers",
    atEnd: optionsOfThePresent
  },
  {
    number: 18,
    name: "nobody waits because of another one's messages, and nobody for ever",
    atEnd: function*(observations) {
      yield* nobodyWaitsForEver(observations)
      yield* nobodyWaitsForOthers(observations)
    }
  },
  {
    number: 19,
    name: "a handler runs once for each delivery, is acknowledged when it succeeded, and ends its consumer as told",
    atEnd: function*(observations) {
      yield* handledOnce(observations)
      yield* acknowledgedWhenHandled(observations)
      yield* consumersEndAsTold(observations)
    }
  },
  { number: 20, name: "who stays subscribed misses nothing", atEnd: whoStaysMissesNothing },
  {
    number: 21,
    name: "an answer reaches who asked, and a message goes where it is meant to",
    atEnd: function*(observations) {
      yield* answersReachWhoAsked(observations)
      yield* deadLettersStay(observations)
    }
  },
  { number: 22, name: "QoS 0 that succeeded was handed to the network whole", atEnd: handedToTheNetwork },
  {
    number: 23,
    name: "payloads are as they were given, and nothing is sent again with an alias",
    atEnd: function*(observations) {
      yield* payloadsAreAsGiven(observations)
      yield* noAliasWhenSentAgain(observations)
    }
  },
  { number: 24, name: "what is kept is bounded in bytes", atEachMoment: bytesBounded },
  { number: 25, name: "QoS 1 that is repeated is one message until its PUBACK", atEnd: repeatedIsOneMessage },
  { number: 26, name: "what is blamed for ending connections is what ended them", atEnd: blameIsDeserved },
  { number: 27, name: "nothing that others publish ends a connection", atEnd: noConnectionEnded },
  { number: 28, name: "a server that limits the rate of CONNECT is reached", atEnd: letIn },
  { number: 29, name: "nobody waits because of messages that are not for them", atEnd: nobodyWaits },
  { number: 30, name: "a consumer ends in order, and in time", atEnd: consumersEndInOrder },
  { number: 31, name: "messages of one key are handled one after another", atEnd: oneAfterAnother },
  { number: 32, name: "acknowledged is what was dealt with, and that is over", atEnd: acknowledgedWhenDealtWith },
  { number: 33, name: "a dead letter says what it is, and its consumer goes on", atEnd: deadLettersAreRight }
]

export const judgeMoment = (moment: Moment): ReadonlyArray<Violation> =>
  table.flatMap(({ atEachMoment, number }) =>
    atEachMoment === undefined
      ? []
      : [...atEachMoment(moment)].map((description) => ({
        invariant: number,
        description: `at ${moment.at}: ${description}`
      }))
  )

/** What a program before this one left unfinished is nobody's to send again. */
const ofEarlierLife: ReadonlySet<RuleName> = new Set(["notResent", "pubrelUnexpected"])

/** The identifiers of that are in no one's memory. */
const ofItsIdentifiers: ReadonlySet<RuleName> = new Set(["identifierInUse", "changedOnResend", "dupMissing"])

/** Whether the client then used an identifier of a program before it for the first message of its own under it. */
const takesIdentifierOver = ({ packets, plan }: Observations, { at, connection }: MemoryBroker.Violation): boolean => {
  // That program gave them out from 1 on.
  const { unfinishedBefore = 0 } = plan.server ?? {}
  const own = new Set<number>()
  for (const { direction, packet, ...received } of packets) {
    if (direction !== "received" || !("packetIdentifier" in packet) || packet.packetIdentifier > unfinishedBefore) {
      continue
    }
    const isThen = received.at === at && received.connection === connection
    const { packetIdentifier } = packet
    if (packet._tag === "Publish" && packet.qos > 0) {
      if (isThen && !own.has(packetIdentifier)) return true
      own.add(packetIdentifier)
    }
    const isRequest = packet._tag === "Subscribe" || packet._tag === "Unsubscribe"
    if (isThen && isRequest && !own.has(packetIdentifier)) return true
  }
  return false
}

/** What the broker takes note of and the client cannot help. */
const isExcused = (observations: Observations, violation: MemoryBroker.Violation): boolean => {
  const { connection, description } = violation
  const { plan } = observations
  const { client, steps } = plan
  const name = ruleNames.get(description)
  if (plan.server?.unfinishedBefore !== undefined && name !== undefined) {
    if (ofEarlierLife.has(name)) return true
    if (ofItsIdentifiers.has(name)) return takesIdentifierOver(observations, violation)
  }
  // A message that was given up, or that the server's new limits forbid, is not sent again.
  if (name === "notResent") {
    return client.quarantines || steps.some(({ action }) => action._tag === "Restart" && action.limits !== undefined)
  }
  // A connection that was never accepted may have made a session of which the next CONNACK says that it is present.
  // A message of an unknown session is completed before its identifier is used.
  const isUnknown = isLied(observations) || observations.plan.server?.unfinishedBefore !== undefined
  return name === "pubrelUnexpected" && (isUnknown ||
    opened(observations).slice(0, connection - 1).some(({ acceptedAt }) => acceptedAt === undefined))
}

export const judge = (observations: Observations): ReadonlyArray<Violation> => [
  ...observations.brokerViolations.filter((violation) => !isExcused(observations, violation)).map(
    ({ at, connection, description, label }) => {
      const name = ruleNames.get(description)
      const invariant = name === undefined ? 7 : ruleInvariants[name] ?? 7
      return { invariant, description: `at ${at}, connection ${connection}: ${description} [MQTT-${label}]` }
    }
  ),
  ...table.flatMap(({ atEnd, number }) =>
    atEnd === undefined
      ? []
      : [...atEnd(observations)].map((description) => ({ invariant: number, description }))
  )
]
