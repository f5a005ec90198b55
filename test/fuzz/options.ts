/**
 * Options of clients, several wrong ones at once, and URLs with changed characters.
 *
 * Nothing throws. An option that its type or its rule forbids is refused by name, whatever the others are. No secret
 * stands in a message, and a URL that is taken leads where it says.
 */
import { Redacted, Result } from "effect"
import * as Options from "../../src/internal/options.ts"
import * as NodeTarget from "../../src/node/internal/target.ts"
import { clientOptions } from "../client/support/wrongValues/fields.ts"
import { values } from "../client/support/wrongValues/values.ts"
import type { Random } from "../protocol/Random.ts"
import { promise, ruleOf, type Target, type Trial, type Verdict } from "./target.ts"

const secret = "geheim"

export const options: Target = { draw: (random) => random.chance(0.5) ? drawOptions(random) : drawUrl(random) }

// -- Options ----------------------------------------------------------------------------------------------------------

const fields = Object.entries(clientOptions("5.0")).filter(([path]) => !path.includes("."))
const names = Object.keys(values)

interface Chosen {
  readonly field: string
  readonly value: string
  readonly isAccepted: boolean
}

const drawOptions = (random: Random): Trial => {
  const chosen = Array.from({ length: random.integer(1, 6) }, (): Chosen => {
    const [field, accepts] = random.pick(fields)
    const value = random.pick(names)
    return { field, value, isAccepted: accepts(values[value]) }
  })
  // The last one of a name counts, as in an object literal.
  const byField = new Map(chosen.map((one) => [one.field, one]))
  const given = Object.fromEntries([...byField].map(([field, { value }]) => [field, values[value]]))
  const resolve = () => Options.resolve({ password: Redacted.make(secret), username: "ada", ...given })
  return {
    describe: () => [...byField.values()].map(({ field, value }) => `${field}: ${value}`).join(", "),
    use: () => void resolve(),
    check: () => judge(resolve(), ({ reason }) => reason._tag === "InvalidOptions", [...byField.values()])
  }
}

const judge = (
  resolved: ReturnType<typeof Options.resolve>,
  isTyped: (error: Result.Result.Failure<typeof resolved>) => boolean,
  chosen: ReadonlyArray<Chosen>
): Verdict => {
  const wrong = chosen.find(({ isAccepted }) => !isAccepted)
  if (Result.isSuccess(resolved)) {
    promise(wrong === undefined, () => `${wrong?.field} was taken`)
    return { rule: undefined, results: 1 }
  }
  const { message } = resolved.failure
  promise(isTyped(resolved.failure), () => `no typed error: ${message}`)
  promise(
    message.length < 2_000 && !message.includes(secret),
    () => `a message that is long, or tells a secret: ${message}`
  )
  return { rule: ruleOf(message), results: 0 }
}

// -- URLs -------------------------------------------------------------------------------------------------------------

const urls = [
  `mqtt://ada:${secret}@broker.example:1883`,
  `mqtts://ada:${secret}@[fe80::1%25eth0]:8883`,
  `wss://ada:${secret}@broker.example/mqtt?token=${secret}`,
  `tcp://ada:${secret}@127.0.0.1`,
  "unix:///run/mqtt.sock"
]

const characters = [
  ":",
  "/",
  "@",
  "#",
  "?",
  "%",
  "%zz",
  "%00",
  "%ff",
  "%40",
  "[",
  "]",
  "\0",
  "\ud800",
  "é",
  " ",
  "\\",
  "0",
  "65536",
  "."
]

const changedUrl = (random: Random): string => {
  let url = random.pick(urls)
  for (let count = random.integer(0, 3); count > 0; count--) {
    const at = random.integer(0, url.length)
    url = url.slice(0, at) + random.pick(characters) + url.slice(at + random.pick([0, 0, 1, 2]))
  }
  return url
}

const drawUrl = (random: Random): Trial => {
  const url = changedUrl(random)
  return {
    describe: () => JSON.stringify(url),
    use: () => void NodeTarget.parse(url),
    check: () => judgeUrl(url)
  }
}

const judgeUrl = (url: string): Verdict => {
  const parsed = NodeTarget.parse(url)
  if (Result.isFailure(parsed)) {
    const tells = () => `a message that is long, or tells a secret: ${parsed.failure}`
    promise(parsed.failure.length > 10 && parsed.failure.length < 500 && !parsed.failure.includes(secret), tells)
    return { rule: ruleOf(parsed.failure), results: 0 }
  }
  const { host, password, port, scheme, username } = parsed.success
  const leads = scheme === "unix" ? host === "" && port === 0 : host !== "" && NodeTarget.isPort(port)
  promise(leads, () => `it leads to ${JSON.stringify(parsed.success)}`)
  for (const text of [username, password && Redacted.value(password)]) {
    promise(text === undefined || !/[\ufffd\p{Surrogate}]/u.test(text), () => "a user name or password was changed")
  }
  return { rule: undefined, results: 1 }
}
