/**
 * Texts that say whether they are whole: a line with format, length and checksum stands before the content.
 *
 * Knows nothing of stores. The content is JSON of ASCII characters, and a Schema decodes it.
 */
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { checksum } from "../store/checksum.ts"

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

const encoder = new TextEncoder()

const checksumOf = (content: string): string => checksum(encoder.encode(content), 0).toString(16).padStart(8, "0")

export const seal = (content: unknown): string => {
  const json = JSON.stringify(content)
  return `effect-mqtt ${format} ${json.length} ${checksumOf(json)}\n${json}`
}

const damaged = (cause: unknown): Unsealed<never> => ({ _tag: "Damaged", cause })

/** Opens a text that `seal` made, and decodes the content. */
export const unseal = <A>(schema: Schema.Codec<A, unknown>): (text: string) => Unsealed<A> => {
  const decode = Schema.decodeUnknownExit(Schema.fromJsonString(schema))
  return (text) => {
    const [line, version, length, expected] = header.exec(text) ?? []
    if (line === undefined) return isBeginning(text) ? { _tag: "CutShort" } : damaged(new Error("it has no header"))
    if (Number(version) > format) return { _tag: "Newer" }
    const content = text.slice(line.length)
    if (content.length < Number(length)) return { _tag: "CutShort" }
    if (checksumOf(content) !== expected) return damaged(new Error("its checksum is wrong"))
    const decoded = decode(content)
    return Exit.isSuccess(decoded) ? { _tag: "Whole", content: decoded.value } : damaged(decoded.cause)
  }
}
