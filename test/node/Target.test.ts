import { assert, describe, it } from "@effect/vitest"
import { Redacted, Result } from "effect"
import * as Target from "../../src/node/internal/target.ts"

const parse = (url: string) => Result.getOrThrowWith(Target.parse(url), (description) => new Error(description))

const partsOf = ({ host, path, port, scheme }: Target.Target) => [scheme, host, port, path]

describe("URLs", () => {
  const cases: ReadonlyArray<readonly [url: string, ...parts: ReadonlyArray<string | number>]> = [
    ["mqtt://broker.test", "mqtt", "broker.test", 1883, ""],
    ["tcp://broker.test", "mqtt", "broker.test", 1883, ""],
    ["MQTT://broker.test:1234/ignored", "mqtt", "broker.test", 1234, ""],
    ["mqtts://broker.test", "mqtts", "broker.test", 8883, ""],
    ["ssl://broker.test:1", "mqtts", "broker.test", 1, ""],
    ["tls://[::1]", "mqtts", "::1", 8883, ""],
    ["ws://broker.test", "ws", "broker.test", 80, "/"],
    ["ws://broker.test:80/mqtt?a=b%20c", "ws", "broker.test", 80, "/mqtt?a=b%20c"],
    ["wss://broker.test/mqtt", "wss", "broker.test", 443, "/mqtt"],
    ["unix:///run/mosquitto/mqtt.sock", "unix", "", 0, "/run/mosquitto/mqtt.sock"],
    ["unix:///run/with%20space", "unix", "", 0, "/run/with space"]
  ]
  for (const [url, ...parts] of cases) {
    it(`S1 ${url}`, () => assert.deepStrictEqual(partsOf(parse(url)), parts))
  }

  it("an IPv6 address with a zone, as RFC 6874 writes it and as people do", () => {
    for (const url of ["mqtt://[fe80::1%25eth0]:7", "mqtt://[fe80::1%eth0]:7", "mqtt://u:p@[fe80::1%25eth0]:7"]) {
      const target = parse(url)
      assert.deepStrictEqual(partsOf(target), ["mqtt", "fe80::1%eth0", 7, ""])
      assert.strictEqual(Target.endpointOf(target), "mqtt://[fe80::1%eth0]:7")
      assert.strictEqual(Target.portOf(url), 7)
    }
  })

  for (const url of ["mqtt://u:sec#ret@host", "mqtt://u:12#ret@host", "mqtt://u:12?ret@host", "mqtt://u:s/ret@host"]) {
    it(`${url} is told what to write instead, and its password is not repeated`, () => {
      const parsed = Target.parse(url)
      const description = Result.isFailure(parsed) ? parsed.failure : assert.fail()
      assert.include(description, "%23")
      assert.notInclude(description, "ret")
    })
  }

  it("user name and password, decoded", () => {
    const { password, username } = parse("wss://us%40er:p%C3%A4ss%3Aword@broker.test/mqtt")
    assert.deepStrictEqual([username, password && Redacted.value(password)], ["us@er", "päss:word"])
  })

  for (const part of ["100%", "%zz", "%ff", "%00", "\ud800"]) {
    it(`${JSON.stringify(part)} in a user name or password is refused, not changed, and not repeated`, () => {
      for (const url of [`mqtt://${part}:secret@host`, `mqtt://ada:secret${part}@host`]) {
        const parsed = Target.parse(url)
        const description = Result.isFailure(parsed) ? parsed.failure : assert.fail()
        assert.include(description, "%25")
        assert.notInclude(description, "secret")
      }
    })
  }

  it("for people they are without credentials and query", () => {
    const texts = ["mqtts://u:p@broker.test", "wss://u:p@[::1]:8/mqtt?token=x", "unix:///run/mqtt"]
      .map((url) => Target.endpointOf(parse(url)))
    assert.deepStrictEqual(texts, ["mqtts://broker.test:8883", "wss://[::1]:8/mqtt", "unix:///run/mqtt"])
  })

  for (
    const url of ["unix://", "unix:///", "unix://host/path", "mqtts://", "ftp://broker.test", "mqtt://a:0", "broker"]
  ) {
    it(`${url} leads nowhere`, () => assert.isTrue(Result.isFailure(Target.parse(url))))
  }
})

describe("R63 Server References", () => {
  const tls = parse("mqtts://user:secret@old.test:1234")
  const webSocket = parse("wss://old.test/mqtt?a=b")
  const cases: ReadonlyArray<readonly [base: Target.Target, reference: string, ...ReadonlyArray<string | number>]> = [
    [tls, "new.test", "mqtts", "new.test", 8883, ""],
    [tls, "new.test:77", "mqtts", "new.test", 77, ""],
    [tls, "10.1.2.3:77", "mqtts", "10.1.2.3", 77, ""],
    [tls, "[fe80::1]:77", "mqtts", "fe80::1", 77, ""],
    [tls, "fe80::1", "mqtts", "fe80::1", 8883, ""],
    [tls, "mqtts://new.test", "mqtts", "new.test", 8883, ""],
    [tls, "wss://new.test/path", "wss", "new.test", 443, "/path"],
    [webSocket, "new.test:8", "wss", "new.test", 8, "/mqtt?a=b"],
    [parse("mqtt://old.test"), "new.test", "mqtt", "new.test", 1883, ""],
    [parse("mqtt://old.test"), "mqtts://new.test", "mqtts", "new.test", 8883, ""],
    [parse("unix:///run/mqtt"), "new.test", "mqtt", "new.test", 1883, ""]
  ]
  for (const [base, reference, ...parts] of cases) {
    it(`${reference} from ${Target.endpointOf(base)}`, () => {
      const target = Result.getOrThrow(Target.refer(base, reference))
      assert.deepStrictEqual(partsOf(target), parts)
      assert.deepStrictEqual([target.username, target.password], [undefined, undefined])
    })
  }

  it("credentials of a reference are not the user's", () => {
    const { password, username } = Result.getOrThrow(Target.refer(tls, "mqtts://them:theirs@new.test"))
    assert.deepStrictEqual([username, password], [undefined, undefined])
  })

  for (
    const reference of ["mqtt://new.test", "tcp://new.test", "ws://new.test", "unix:///run/mqtt", "", "a b", "a:b:c"]
  ) {
    it(`"${reference}" is not followed from TLS`, () => assert.isTrue(Result.isFailure(Target.refer(tls, reference))))
  }
})
