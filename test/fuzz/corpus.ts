/**
 * The inputs of the corpus: one for each verdict and each sequence of packets the fuzzer has met, first the vectors of
 * the tests, then its own findings. `corpus.txt` holds them, a line each: version, sender, bytes.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Packet, ProtocolVersion, Sender } from "../../src/protocol/Packet.ts"
import type { ProtocolViolation } from "../../src/protocol/ProtocolError.ts"
import { bytesOf, hexOf } from "../protocol/hex.ts"

export interface Input {
  readonly version: ProtocolVersion | undefined
  readonly sender: Sender
  readonly bytes: Uint8Array
}

export interface Outcome {
  readonly packets: ReadonlyArray<Packet>
  readonly error: ProtocolViolation | undefined
}

const file = Path.join(import.meta.dirname, "corpus.txt")

const unknownVersion = "unknown"

const read = (line: string): Input => {
  const [version, sender, hex] = line.split("\t")
  return {
    version: version === unknownVersion ? undefined : version as ProtocolVersion,
    sender: sender as Sender,
    bytes: bytesOf(hex)
  }
}

const write = ({ bytes, sender, version }: Input): string =>
  [version ?? unknownVersion, sender, hexOf(bytes)].join("\t") + "\n"

export const inputs: ReadonlyArray<Input> = Fs.existsSync(file)
  ? Fs.readFileSync(file, "utf8").split("\n").filter((line) => line !== "").map(read)
  : []

/** What makes two inputs alike: the verdict without the numbers and names in it, or the packet they end with. */
export const kindOf = ({ sender, version }: Input, { error, packets }: Outcome): string => {
  const last = packets.at(-1)
  if (error === undefined) {
    const properties = last !== undefined && "properties" in last ? Object.keys(last.properties).length : 0
    return [version, sender, last?._tag ?? "incomplete", Math.min(properties, 2)].join("|")
  }
  const message = error.message.replaceAll(/"(\\.|[^"\\])*"/g, "_").replaceAll(/0x[\da-f]+|\d+/g, "0")
  return [version, sender, error.label.label, message, packets.length > 0].join("|")
}

const largestKept = 200

/** Keeps what is of a kind that nothing kept so far is of. */
export const makeKeeper = () => {
  const kinds = new Set<string>()
  const kept: Array<Input> = []
  return {
    offer: (input: Input, outcome: Outcome): void => {
      if (input.bytes.length > largestKept) return
      const kind = kindOf(input, outcome)
      if (kinds.has(kind)) return
      kinds.add(kind)
      kept.push(input)
    },
    save: (): number => {
      Fs.writeFileSync(file, kept.map(write).join(""))
      return kept.length
    }
  }
}
