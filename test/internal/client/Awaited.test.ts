/**
 * Publishers that wait for messages in the store: each is told once, and a publisher that no longer waits is forgotten.
 */
import { assert, describe, it } from "@effect/vitest"
import { Exit } from "effect"
import { Acceptance, Awaited } from "../../../src/internal/client/outgoing/awaited.ts"
import { acknowledged } from "../../../src/internal/client/outgoing/publication.ts"

/** Acceptances of so many messages, of which the first has the key 1. */
const accept = (awaited: Awaited, count: number): ReadonlyArray<Acceptance> =>
  Array.from({ length: count }, (_, index) => {
    const acceptance = new Acceptance()
    awaited.add(index + 1, acceptance.settle, acceptance)
    return acceptance
  })

const nobody = { settled: undefined, acceptance: undefined }

describe("who waits for messages in the store", () => {
  it("an acceptance that nobody waits for hears of its message, whenever somebody asks", () => {
    const awaited = new Awaited()
    const acceptances = accept(awaited, 1000)
    for (const key of [700, 1, 256, 1000]) awaited.take(key).settled?.(acknowledged)
    for (const key of [700, 1, 256, 1000]) {
      const heard: Array<unknown> = []
      acceptances[key - 1].listen((exit) => heard.push(exit))
      assert.deepStrictEqual(heard, [acknowledged], `key ${key}`)
      assert.deepStrictEqual(awaited.take(key), nobody, `key ${key} again`)
    }
  })

  it("who begins to wait while the message is in the store is told once", () => {
    const awaited = new Awaited()
    const acceptances = accept(awaited, 300)
    const heard: Array<unknown> = []
    acceptances[99].listen((exit) => heard.push(exit))
    const { acceptance, settled } = awaited.take(100)
    assert.isUndefined(acceptance)
    settled?.(acknowledged)
    assert.deepStrictEqual(heard, [acknowledged])
    assert.deepStrictEqual(awaited.take(100), nobody)
  })

  it("who waits from the beginning is told, and whoever is taken at the end", () => {
    const awaited = new Awaited()
    const heard: Array<number> = []
    awaited.add(1, () => heard.push(1), undefined)
    awaited.add(2, () => heard.push(2), undefined)
    const first = new Acceptance()
    awaited.add(600, first.settle, first)
    first.listen(() => heard.push(600))
    awaited.take(1).settled?.(acknowledged)
    for (const settled of awaited.takeAll()) settled(Exit.interrupt())
    assert.deepStrictEqual(heard, [1, 2, 600])
    assert.deepStrictEqual(awaited.takeAll(), [])
  })

  it("acceptances that nobody waits for are told at the end as well", () => {
    const awaited = new Awaited()
    const acceptances = accept(awaited, 600)
    for (const settled of awaited.takeAll()) settled(acknowledged)
    const heard: Array<unknown> = []
    for (const acceptance of acceptances) acceptance.listen((exit) => heard.push(exit))
    assert.lengthOf(heard, 600)
    assert.deepStrictEqual(awaited.takeAll(), [])
  })
})
