/**
 * A fixed script, cut at every byte of each direction in every way, and at random pairs of places.
 *
 * Runs are numbered, so that one is found again by its number: first every single cut, then the pairs.
 */
import type { ProtocolVersion } from "../../src/protocol/Packet.ts"
import * as Random from "../protocol/Random.ts"
import { versions } from "../support/versions.ts"
import * as Batch from "./Batch.ts"
import { type Action, type Cut, fixedClient, type Plan } from "./Plan.ts"
import * as report from "./report.ts"
import * as World from "./World.ts"

const publishes = ([0, 1, 2] as const).flatMap((qos) =>
  ["a", "b", "a"].map((name): Action => ({
    _tag: "Publish",
    topic: `out/${name}`,
    qos,
    size: 6,
    count: 1,
    via: "publish"
  }))
)
const emissions = ([0, 1, 2] as const).map((qos): Action => ({ _tag: "Emit", topic: "in/a", qos, size: 6, count: 1 }))

/** Connect, two subscriptions, three messages of each QoS out and three in, a ping, unsubscribe, disconnect. */
const script: ReadonlyArray<Action> = [
  { _tag: "Subscribe", filter: "in/#", qos: 2, pace: 0, buffer: 1000, policy: "suspend" },
  // Its lifetime makes the UNSUBSCRIBE.
  { _tag: "Subscribe", filter: "other", qos: 1, pace: 0, buffer: 1000, policy: "suspend", lifetime: 500 },
  ...publishes,
  ...emissions
]

const planFor = (version: ProtocolVersion, losesSession: boolean, cuts: ReadonlyArray<Cut>): Plan => ({
  seed: 1,
  client: { ...fixedClient, version, keepAlive: 2 },
  limits: {},
  usesTopicAliases: false,
  overlappingSubscriptions: "once",
  network: { latency: 5, connectDelay: 20, highWaterMark: Infinity },
  cuts,
  losesSession,
  probeSize: 4,
  // Two at once, so that there is something to pipeline and something to wait for.
  steps: script.map((action, index) => ({ at: index < 2 ? 0 : 40 + 15 * Math.floor(index / 2), action }))
})

const directions = ["fromClient", "toClient"] as const
const hows = ["close", "reset", "silence"] as const

interface Length {
  readonly fromClient: number
  readonly toClient: number
}

/** How many bytes go each way when nothing is cut. */
const measure = async (version: ProtocolVersion): Promise<Length> => {
  const { observations, violations } = await World.run(planFor(version, false, []))
  if (violations.length > 0) {
    throw new Error(`The script fails uncut: ${report.violationsOf({ violations, hash: "", observations }).join("; ")}`)
  }
  let fromClient = 0
  let toClient = 0
  for (const { bytes = 0, event } of observations.log) {
    if (event === "client wrote") fromClient += bytes
    if (event === "peer wrote") toClient += bytes
  }
  return { fromClient, toClient }
}

const makeSingles = async (): Promise<ReadonlyArray<Plan>> => {
  const plans: Array<Plan> = []
  for (const version of versions) {
    const length = await measure(version)
    for (const direction of directions) {
      for (const how of hows) {
        for (const losesSession of [false, true]) {
          for (let bytes = 1; bytes <= length[direction]; bytes++) {
            plans.push(planFor(version, losesSession, [{ connection: 1, bytes, direction, how }]))
          }
        }
      }
    }
  }
  return plans
}

let singles: Promise<ReadonlyArray<Plan>> | undefined
const allSingles = (): Promise<ReadonlyArray<Plan>> => singles ??= makeSingles()

/** Two cuts anywhere on the first two connections; the second may come on either. */
const makePair = (number: number): Plan => {
  const random = Random.make(number)
  for (let count = 0; count < 5; count++) random.integer(0, 1)
  const cut = (connection: number): Cut => ({
    connection,
    bytes: random.integer(1, 500),
    direction: random.pick(directions),
    how: random.pick(hows)
  })
  return planFor(random.pick(versions), random.chance(0.5), [cut(1), cut(2)])
}

/** The run with this number, from 0. */
export const planOf = async (index: number): Promise<Plan> => {
  const all = await allSingles()
  return index < all.length ? all[index] : makePair(index - all.length + 1)
}

export const runExhaustive = async (options: {
  readonly jobs: number
  readonly pairs: number
  readonly print: (text: string) => void
}): Promise<boolean> => {
  const { jobs, pairs, print } = options
  const { length } = await allSingles()
  print(`exhaustive: ${length} single cuts and ${pairs} pairs`)
  const { failures } = await Batch.run({
    kind: "exhaustive",
    from: 0,
    count: length + pairs,
    jobs,
    onProgress: (text) => print(`exhaustive: ${text}`)
  })
  for (const { index, violations } of failures.slice(0, 10)) {
    print(`run ${index} FAILED`)
    for (const violation of violations) print(`  ${violation}`)
    print(report.describe(await planOf(index)))
  }
  print(`exhaustive: ${length + pairs} runs, ${failures.length} with violations`)
  return failures.length === 0
}
