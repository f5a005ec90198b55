/**
 * The memory for decoding is a multiple of the bytes received, whatever lengths the bytes claim.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Decoder from "../../src/protocol/Decoder.ts"
import { corpus } from "../fuzz/decoder.ts"
import { bytesInUse } from "../support/memory.ts"
import { hexOf } from "./hex.ts"

/** What a run allocates, at least: the compiler allocates now and then too, and a collection in between hides it all. */
const allocatedBy = (run: () => unknown): number => {
  let least = Infinity
  for (let attempt = 0; attempt < 5; attempt++) {
    const before = bytesInUse()
    run()
    const allocated = bytesInUse() - before
    if (allocated >= 0) least = Math.min(least, allocated)
  }
  return least
}

describe("allocation", () => {
  it("S46 no input of the fuzzer's corpus takes more than four times its length and 64 KiB", () => {
    assert.isAbove(corpus.length, 1_000)
    for (const { bytes, sender, version } of corpus) {
      const allocated = allocatedBy(() =>
        Decoder.make({ protocolVersion: version, sender, maximumPacketSize: 268_435_460 }).push(bytes)
      )
      assert.isAtMost(allocated, 4 * bytes.length + 65_536, hexOf(bytes.subarray(0, 100)))
    }
  })

  it("a payload is not copied: a packet of 16 MiB in one chunk takes no more than a small one", () => {
    const size = 16 * 1_048_576
    const bytes = new Uint8Array(size + 8)
    bytes.set([0x30, 0x83, 0x80, 0x80, 0x08, 0, 1, 0x74])
    const decoder = Decoder.make({ protocolVersion: "3.1.1", sender: "server", maximumPacketSize: 268_435_460 })
    let packets = 0
    assert.isAtMost(allocatedBy(() => packets += decoder.push(bytes).length), 65_536)
    assert.strictEqual(packets, 5)
  })
})
