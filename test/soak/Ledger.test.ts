/**
 * The accounting of `npm run soak` notices violations: it judges made-up runs, good ones and bad ones.
 */
import { assert, describe, it } from "@effect/vitest"
import { Ledger, type Party, type Violation } from "./Ledger.ts"
import { contentOf, textOf, topicOf } from "./message.ts"

const party = (name: string, session: Party["session"]): Party => ({ name, version: "5.0", session })

/** Publisher 0 and subscriber 0 have persistent sessions, those with 1 clean ones; each hears both. */
const setUp = (options: { readonly window?: number; readonly patience?: number } = {}) => {
  const violations: Array<Violation> = []
  const ledger = new Ledger({
    publishers: [party("p0", "persistent"), party("p1", "clean")],
    subscribers: [party("s0", "persistent"), party("s1", "clean")],
    routes: [0, 1].flatMap((publisher) => [0, 1].map((subscriber) => ({ publisher, subscriber }))),
    ...options
  }, (violation) => violations.push(violation))
  return { ledger, kinds: () => violations.map(({ kind }) => kind), violations }
}

/** Three messages of publisher 0, acknowledged: sent at 1000, 2000 and 3000, each acknowledged 10 ms later. */
const threeSent = (ledger: Ledger, qos: 0 | 1 | 2, publisher = 0) => {
  for (const at of [1000, 2000, 3000]) {
    const sequence = ledger.sent(publisher, qos, at)
    ledger.acknowledged(publisher, qos, sequence, at + 10)
  }
}

const deliver = (ledger: Ledger, qos: 0 | 1 | 2, sequences: ReadonlyArray<number>, subscriber = 0, publisher = 0) => {
  for (const sequence of sequences) ledger.delivered(subscriber, publisher, qos, sequence, sequence * 1000 + 20)
}

describe("the accounting of the soak", () => {
  for (const qos of [0, 1, 2] as const) {
    it(`finds nothing in a good run at QoS ${qos}`, () => {
      const { kinds, ledger } = setUp()
      threeSent(ledger, qos)
      deliver(ledger, qos, [1, 2, 3])
      deliver(ledger, qos, [1, 2, 3], 1)
      assert.strictEqual(ledger.outstanding, 0)
      ledger.judge(10_000, true)
      assert.deepStrictEqual(kinds(), [])
      assert.deepInclude(ledger.publishedOf(qos, "5.0"), { sent: 3, acknowledged: 3, failed: 0, unsettled: 0 })
      assert.deepInclude(ledger.deliveredOf(qos, "5.0", true), { delivered: 3, duplicated: 0, lost: 0, missed: 0 })
      assert.deepInclude(ledger.deliveredOf(qos, "5.0", false), { delivered: 3, duplicated: 0, lost: 0, missed: 0 })
    })
  }

  it("notices a lost message at QoS 1 and 2, and says which", () => {
    for (const qos of [1, 2] as const) {
      const { kinds, ledger, violations } = setUp()
      threeSent(ledger, qos)
      deliver(ledger, qos, [1, 3])
      assert.strictEqual(ledger.outstanding, 1)
      ledger.judge(10_000, true)
      assert.deepStrictEqual(kinds(), ["lost"])
      assert.include(violations[0].description, `message 2 at QoS ${qos} of p0 (5.0, persistent) to s0`)
      assert.include(violations[0].description, "sent at 2000, acknowledged at 2010")
      assert.strictEqual(ledger.deliveredOf(qos, "5.0", true).lost, 1)
    }
  })

  it("a subscriber with a clean session may miss messages, QoS 0 may be lost", () => {
    const { kinds, ledger } = setUp()
    for (const qos of [0, 1, 2] as const) threeSent(ledger, qos)
    for (const qos of [1, 2] as const) deliver(ledger, qos, [1, 2, 3])
    ledger.judge(10_000, true)
    assert.deepStrictEqual(kinds(), [])
    assert.strictEqual(ledger.deliveredOf(0, "5.0", true).missed, 3)
    assert.strictEqual(ledger.deliveredOf(1, "5.0", false).missed, 3)
  })

  it("notices a QoS 1 message of a clean publisher that a persistent subscriber does not get", () => {
    const { kinds, ledger } = setUp()
    threeSent(ledger, 1, 1)
    deliver(ledger, 1, [1, 2], 0, 1)
    ledger.judge(10_000, true)
    assert.deepStrictEqual(kinds(), ["lost"])
  })

  it("notices a repetition at QoS 0 and 2, and counts one at QoS 1", () => {
    for (const qos of [0, 1, 2] as const) {
      const { kinds, ledger } = setUp()
      threeSent(ledger, qos)
      deliver(ledger, qos, [1, 2, 2, 3])
      ledger.judge(10_000, true)
      assert.deepStrictEqual(kinds(), qos === 1 ? [] : ["repeated"])
      assert.strictEqual(ledger.deliveredOf(qos, "5.0", true).duplicated, 1)
    }
  })

  it("notices first deliveries in another order, and not what is sent again", () => {
    for (const qos of [0, 1, 2] as const) {
      const { kinds, ledger } = setUp()
      threeSent(ledger, qos)
      deliver(ledger, qos, [1, 3, 2])
      assert.deepStrictEqual(kinds(), ["out of order"])
    }
    const { kinds, ledger } = setUp()
    threeSent(ledger, 1)
    deliver(ledger, 1, [1, 2, 1, 2, 3])
    assert.deepStrictEqual(kinds(), [])
  })

  it("notices a publish that does not end, and one that fails", () => {
    const { kinds, ledger } = setUp()
    ledger.sent(0, 1, 1000)
    const refused = ledger.sent(0, 2, 1000)
    ledger.failed(0, 2, refused, 1010)
    const cutOff = ledger.sent(0, 0, 1000)
    ledger.failed(0, 0, cutOff, 1010)
    ledger.judge(10_000)
    assert.deepStrictEqual(kinds(), ["failed"])
    assert.strictEqual(ledger.outstanding, 1)
    ledger.judge(10_000, true)
    assert.deepStrictEqual(kinds(), ["failed", "unsettled"])
  })

  it("notices what nobody sent", () => {
    const { kinds, ledger } = setUp()
    threeSent(ledger, 1)
    deliver(ledger, 1, [4])
    ledger.garbled(0, "\"?\"", 5000)
    assert.deepStrictEqual(kinds(), ["never sent", "garbled"])
  })

  describe("a broker that is killed", () => {
    const killedAt = (ledger: Ledger, at: number) => ledger.kills.push({ at, backAt: at + 500 })

    it("may lose what it acknowledged within the second before, and nothing older", () => {
      for (const qos of [1, 2] as const) {
        const { kinds, ledger, violations } = setUp()
        threeSent(ledger, qos)
        killedAt(ledger, 3500)
        deliver(ledger, qos, [1])
        assert.strictEqual(ledger.outstanding, 1)
        ledger.judge(10_000, true)
        assert.deepStrictEqual(kinds(), ["lost"])
        assert.include(violations[0].description, "message 2 ")
        assert.strictEqual(ledger.deliveredOf(qos, "5.0", true).inDoubt, 1)
      }
    })

    it("may not lose a QoS 1 message that is published afterwards", () => {
      const { kinds, ledger } = setUp()
      killedAt(ledger, 900)
      const sequence = ledger.sent(0, 1, 1500)
      ledger.acknowledged(0, 1, sequence, 1510)
      ledger.judge(10_000, true)
      assert.deepStrictEqual(kinds(), ["lost"])
    })

    it("may repeat what it delivered within the second before, and nothing older", () => {
      const { kinds, ledger } = setUp()
      threeSent(ledger, 2)
      deliver(ledger, 2, [1, 2, 3])
      killedAt(ledger, 3500)
      deliver(ledger, 2, [2, 3])
      assert.deepStrictEqual(kinds(), ["repeated"])
      assert.strictEqual(ledger.deliveredOf(2, "5.0", true).inDoubt, 1)
    })
  })

  it("forgets what is long over, whatever the length of the run, and still notices what comes late", () => {
    const { kinds, ledger } = setUp({ window: 64, patience: 100 })
    for (let at = 0; at < 100_000; at += 10) {
      ledger.judge(at)
      assert.isTrue(ledger.hasRoom(0, 2))
      const sequence = ledger.sent(0, 2, at)
      ledger.acknowledged(0, 2, sequence, at + 1)
      if (sequence !== 5000) ledger.delivered(0, 0, 2, sequence, at + 2)
    }
    assert.deepStrictEqual(kinds(), ["lost"])
    ledger.delivered(0, 0, 2, 1, 100_000)
    assert.deepStrictEqual(kinds(), ["lost", "repeated"])
    ledger.judge(200_000, true)
    assert.strictEqual(ledger.deliveredOf(2, "5.0", true).delivered, 9_999)
  })

  it("has no room for more than it can account for", () => {
    const { ledger } = setUp({ window: 64 })
    for (let count = 0; count < 4; count++) {
      assert.isTrue(ledger.hasRoom(0, 1))
      ledger.sent(0, 1, count)
    }
    assert.isFalse(ledger.hasRoom(0, 1))
  })
})

describe("a message of the soak", () => {
  const content = { publisher: 3, qos: 2, sequence: 41 } as const
  const topic = topicOf(3, 2)

  it("says what it is", () => {
    assert.deepStrictEqual(contentOf(topic, textOf(content)), content)
  })

  it("is not taken for one when it is cut, changed, or on another topic", () => {
    const text = textOf(content)
    for (const wrong of ["", "3 2", text.slice(0, -1), text.replace("41", "42"), text.replace("3 2", "3 5")]) {
      assert.isUndefined(contentOf(topic, wrong), wrong)
    }
    assert.isUndefined(contentOf(topicOf(2, 2), text))
  })
})
