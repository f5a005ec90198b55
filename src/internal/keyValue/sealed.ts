/**
 * Texts that say whether they are whole: a line with format, length and checksum stands before the content.
 *
 * Knows nothing of stores. The content is JSON of ASCII characters, and a Schema decodes it.
 */
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"

/**
 * - `Whole`: the content as it was sealed
 * - `CutShort`: only the beginning is there, so the writing of it was interrupted
 * - `Newer`: a newer version of this library sealed it
 * - `Damaged`: it was sealed as something else, or never
 */
export type Unsealed<A> =
  | { readonly _tag: "Whole"; readonly content: A }
  | { readonly _tag: "CutShort" | "Newer" }
  | { readonly _tag: "Damaged"; readonly cause: unknown }

const format = 1

const header = /^effect-mqtt (\d+) (\d+) ([0-9a-f]{8})\n/

/** A header without its end. */
const beginningOfHeader = /^effect-mqtt(?: (?:\d+(?: (?:\d+(?: [0-9a-f]{0,8})?)?)?)?)?$/

const isBeginning = (text: string): boolean => "effect-mqtt".startsWith(text) || beginningOfHeader.test(text)

/** CRC-32 of ISO/IEC 13239, a byte at a time. */
const remainders = /* @__PURE__ */ Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = (remainder & 1) === 0 ? remainder >>> 1 : (remainder >>> 1) ^ 0xedb88320
  return remainder
})

const checksum = (content: string): string => {
  let remainder = 0xffffffff
  for (let at = 0; at < content.length; at++) {
    remainder = (remainder >>> 8) ^ remainders[(remainder ^ content.charCodeAt(at)) & 0xff]
  }
  return (~remainder >>> 0).toString(16).padStart(8, "0")
}

export const seal = (content: unknown): string => {
  const json = JSON.stringify(content)
  return `effect-mqtt ${format} ${json.length} ${checksum(json)}\n${json}`
}

const damaged = (cause: unknown): Unsealed<never> => ({ _tag: "Damaged", cause })

/** Opens what `seal` made, and decodes the content. */
export const unseal = <A>(schema: Schema.Codec<A, unknown>): (text: string) => Unsealed<A> => {
  const decode = Schema.decodeUnknownExit(Schema.fromJsonString(schema))
  return (text) => {
    const [line, version, length, expected] = header.exec(text) ?? []
    if (line === undefined) return isBeginning(text) ? { _tag: "CutShort" } : damaged(new Error("it has no header"))
    if (Number(version) > format) return { _tag: "Newer" }
    const content = text.slice(line.length)
    if (content.length < Number(length)) return { _tag: "CutShort" }
    if (checksum(content) !== expected) return damaged(new Error("its checksum is another one"))
    const decoded = decode(content)
    return Exit.isSuccess(decoded) ? { _tag: "Whole", content: decoded.value } : damaged(decoded.cause)
  }
}
