/**
 * Which events the judge of the crash test calls a violation, and which it does not.
 */
import { assert, describe, it } from "@effect/vitest"
import { Judge } from "./Judge.ts"

const kinds = ({ violations }: Judge) => violations.map(({ kind }) => kind)

describe("from the program", () => {
  it("an accepted message that never arrives is lost", () => {
    const judge = new Judge()
    judge.accepted("out", 1, 1)
    judge.accepted("out", 2, 2)
    judge.delivered("out", 2, 2)
    assert.strictEqual(judge.outstanding, 1)
    judge.end()
    assert.deepStrictEqual(kinds(judge), ["lost"])
  })

  it("a message may arrive before it is known that it was accepted, and without", () => {
    const judge = new Judge()
    judge.delivered("out", 2, 1)
    judge.accepted("out", 2, 1)
    judge.delivered("out", 2, 2)
    judge.end()
    assert.deepStrictEqual(kinds(judge), [])
  })

  it("QoS 1 may come twice, QoS 2 may not", () => {
    const judge = new Judge()
    for (const qos of [1, 2] as const) {
      judge.delivered(`out/${qos}`, qos, 1)
      judge.delivered(`out/${qos}`, qos, 1)
    }
    assert.deepStrictEqual(kinds(judge), ["twice"])
    assert.strictEqual(judge.counts[1].repeated, 1)
  })

  it("a broker that was seen to repeat a message is no fault of the program", () => {
    const judge = new Judge({
      isRepeatedByBroker: (receiver, topic, number) => `${receiver} ${topic} ${number}` === "judge out 1"
    })
    judge.delivered("out", 2, 1)
    judge.delivered("out", 2, 1)
    judge.delivered("out", 2, 2)
    judge.delivered("out", 2, 2)
    assert.deepStrictEqual(kinds(judge), ["twice"])
  })

  it("first deliveries of a topic are in order, repeated ones need not be", () => {
    const judge = new Judge()
    judge.delivered("out", 1, 1)
    judge.delivered("out", 1, 2)
    judge.delivered("out", 1, 1)
    judge.delivered("other", 1, 1)
    assert.deepStrictEqual(kinds(judge), [])
    judge.delivered("out", 1, 4)
    judge.delivered("out", 1, 3)
    assert.deepStrictEqual(kinds(judge), ["out of order"])
  })
})

it("a broker that was seen to publish an older message after a newer one is no fault of the program", () => {
  const judge = new Judge({ isLateByBroker: (receiver, _, number) => receiver === "program" && number === 1 })
  judge.handled("in", 1, 3)
  judge.handled("in", 1, 1)
  judge.handled("in", 1, 2)
  judge.delivered("out", 1, 3)
  judge.delivered("out", 1, 1)
  assert.deepStrictEqual(kinds(judge), ["handled out of order", "out of order"])
  assert.deepStrictEqual([judge.counts[1].toByBroker, judge.counts[1].fromByBroker], [1, 0])
})

describe("to the program", () => {
  it("what the broker has acknowledged has to be handled", () => {
    const judge = new Judge()
    judge.sent("in", 1, 1)
    judge.sent("in", 2, 2)
    judge.handled("in", 2, 2)
    judge.end()
    assert.deepStrictEqual(kinds(judge), ["not handled"])
  })

  it("QoS 2 is handled again after the program died in the midst of it", () => {
    const judge = new Judge()
    judge.handled("in", 2, 1)
    judge.run++
    judge.handled("in", 2, 1)
    assert.deepStrictEqual(kinds(judge), [])
    assert.strictEqual(judge.counts[2].handledAgain, 1)
  })

  it("QoS 2 is not handled again in the same run, nor after it was answered", () => {
    const judge = new Judge()
    judge.handled("in", 2, 1)
    judge.handled("in", 2, 1)
    judge.handled("in", 2, 2)
    judge.answered("in 2")
    judge.run++
    judge.handled("in", 2, 2)
    assert.deepStrictEqual(kinds(judge), ["handled again", "handled again"])
  })

  it("a message under the identifier of another one, which was answered, need not be handled", () => {
    const judge = new Judge()
    judge.sent("in", 2, 1)
    judge.sent("in", 2, 2)
    judge.misnamed("in 1")
    judge.end()
    assert.deepStrictEqual(judge.violations.map(({ description }) => description), ["in 2"])
  })

  it("QoS 1 may be handled again, in order at first", () => {
    const judge = new Judge()
    judge.handled("in", 1, 1)
    judge.handled("in", 1, 3)
    judge.handled("in", 1, 1)
    assert.deepStrictEqual(kinds(judge), [])
    judge.handled("in", 1, 2)
    assert.deepStrictEqual(kinds(judge), ["handled out of order"])
  })
})
