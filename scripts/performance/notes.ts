/**
 * What is to be said of rows that have less than is wanted of them: what was tried, what the profile shows, what would
 * reach it. By a pattern for the names of the rows; a row without one is listed all the same.
 *
 * @since 0.1.0
 */

interface Note {
  readonly rows: RegExp
  readonly tried: string
  readonly profile: string
  readonly wouldReach: string
}

/**
 * @since 0.1.0
 * @category notes
 */
export const notes: ReadonlyArray<Note> = [
  {
    rows: /^publish qos1 sequential/,
    tried:
      "one microtask between `publish` and the write instead of a turn of the event loop; no timer and no fork for " +
      "a message",
    profile:
      "the process waits for the operating system most of the time, as the limit does: one `write`, one wake-up, " +
      "one `read` for each message on either side, and which core they run on decides more than the code does",
    wouldReach:
      "nothing in the client; one message in flight is a round trip, and both sides are within the spread of it"
  },
  {
    rows: /^publishSink/,
    tried: "one transition for a chunk, one wait for a chunk, no effect for a message",
    profile:
      "what is left for a message is its object, its identifier, its place among those in flight, and 45 ns of " +
      "encoding",
    wouldReach:
      "keeping messages in flight as slots of typed arrays instead of objects, which costs the session its shape"
  },
  {
    rows: /^receive qos[012]( by chunks)?$/,
    tried:
      "no array of sizes beside the array of messages in a subscription's buffer unless its policy needs it; chunks " +
      "are handed on whole",
    profile:
      "most of the time goes into reading PUBLISH packets and into the objects that are made for them; the rest " +
      "into the run loop of the stream, one effect for each message",
    wouldReach: "`Stream.runForEachArray`, which has no effect for each message: see the rows by chunks"
  },
  {
    rows: /^receive qos1 (64 KiB|1 MiB)$/,
    tried:
      "the buffer of a packet in several chunks grows sixteenfold instead of twofold: 0.75 ms to 0.55 ms for 1 MiB",
    profile:
      "copying chunks of 64 KiB into it, and the zeros every new `Uint8Array` is filled with; the limit reuses one " +
      "buffer and MQTT.js joins its chunks once at the end",
    wouldReach: "keeping the chunks as they come and joining them once, with a bound for servers that send byte by byte"
  },
  {
    rows: /^dispatch to 10,000 filters against/,
    tried: "arrays with room for one message instead of 17 in each subscription's buffer, no second array, no effect " +
      "built for each wait: about a quarter less",
    profile:
      "finding the filter costs the same for 1 and for 10,000 (the row of one stream has them too). What grows is " +
      "that each message wakes another fiber, where with one filter a chunk of hundreds wakes one, and that 10,000 " +
      "streams do not fit into the caches of the processor: a fifth is garbage collection",
    wouldReach:
      "nothing while every stream is a fiber that is resumed for its message; one subscription of many filters, " +
      "dispatching by `message.topic`, has the cost of one"
  },
  {
    rows: /per idle client$/,
    tried:
      "a first buffer of 1 KiB instead of 64 KiB for what is written; the ring of 1,024 events only for clients whose " +
      "events somebody listens to; no error with its stacks kept for a connection that may be closed one day: from " +
      "149 KiB to about 65 KiB of heap",
    profile:
      "closures and their contexts (24 KiB), plain objects (8 KiB), fibers and continuations of the supervisor, the " +
      "writer, the reader and the deadlines, and the layers they were built from",
    wouldReach: "classes with methods instead of objects of closures for the service, and fewer fibers for a connection"
  },
  {
    rows: /^peak memory/,
    tried: "nothing yet",
    profile:
      "the young generation is as large as the faster side fills it: more messages a second are more garbage between " +
      "two collections. `--max-semi-space-size` bounds it for either side",
    wouldReach: "fewer objects for a message on its way in"
  },
  {
    rows: /bundle/,
    tried: "measured here, made smaller elsewhere",
    profile: "half of it is `effect`",
    wouldReach: "fewer modules of `effect` on the way of a client in a page"
  },
  {
    rows: /^codec encode publish 5\.0 with properties/,
    tried: "nothing yet",
    profile: "the checks of the properties, which the peer does not make",
    wouldReach: "a remembered outcome of the check for properties that are sent again and again"
  },
  {
    rows: /(TLS|WebSocket)$/,
    tried: "one write for a turn; nothing is copied that is not encrypted or masked",
    profile: "most of the time is that of Node's TLS, or of `ws`, which both sides share",
    wouldReach: "nothing in the client"
  }
]
