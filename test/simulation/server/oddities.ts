/**
 * A server that passes on messages of another client although they make no sense. The broker in memory does not, so its
 * bytes are changed on their way.
 *
 * The broker sends a User Property that marks the message. The bytes of that property become the odd property and a
 * User Property that fills the rest: nothing else moves.
 */
import type { NonEmptyReadonlyArray } from "effect/Array"
import type { FakeNetwork } from "../../../src/testing/index.ts"
import type { Oddity } from "./ServerPlan.ts"

const userProperty = 0x26

const name = "odd-property"

const bytesOf = (text: string): ReadonlyArray<number> => [0, text.length, ...new TextEncoder().encode(text)]

/** As large as the largest odd property and one that fills the rest. */
const valueLength = 16

/** The User Property that marks a message. */
export const marker = (
  oddity: Oddity
): readonly [string, string] => [name, oddity.padEnd(valueLength, ".").slice(0, valueLength)]

const odd: { readonly [Name in Oddity]: ReadonlyArray<number> } = {
  emptyResponseTopic: [0x08, 0, 0],
  wildcardResponseTopic: [0x08, ...bytesOf("answers/#")],
  payloadFormat2: [0x01, 2]
}

interface Replacement {
  readonly from: Buffer
  readonly to: Buffer
}

const replacementFor = (oddity: Oddity): Replacement => {
  const [key, value] = marker(oddity)
  const from = Buffer.from([userProperty, ...bytesOf(key), ...bytesOf(value)])
  const left = from.length - odd[oddity].length - 6
  return { from, to: Buffer.from([...odd[oddity], userProperty, 0, 1, 0x66, ...bytesOf("-".repeat(left))]) }
}

const replacements = (Object.keys(odd) as ReadonlyArray<Oddity>).map(replacementFor)

const joined = (chunks: ReadonlyArray<Uint8Array>): Buffer => Buffer.concat(chunks)

const passedOn = (chunks: NonEmptyReadonlyArray<Uint8Array>): NonEmptyReadonlyArray<Uint8Array> => {
  const bytes = joined(chunks)
  if (!bytes.includes(name)) return chunks
  for (const { from, to } of replacements) {
    for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at)) to.copy(bytes, at)
  }
  return [bytes]
}

export const passingOn = (peer: FakeNetwork.Peer): FakeNetwork.Peer => ({
  ...peer,
  write: (chunks) => peer.write(passedOn(chunks))
})
