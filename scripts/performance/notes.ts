/**
 * Notes on rows below their target: the attempts, the findings of the profile, and the change that would reach the target. Each note has a
 * pattern for the names of its rows; a row without a note is listed all the same.
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
      "a microtask between `publish` and the write instead of a turn of the event loop; no timer and no fork for " +
      "a message",
    profile:
      "both sides and the sink are busy half of the time. The only system calls are one `write`, one wake-up and one " +
      "`read` for each message on either side. A message takes a little less processor time than with the peer, and the " +
      "medians (p50) are alike. The rate and p99 differ by a tenth, and now and then several times, between two runs of " +
      "the same side, depending on the core that wakes its process",
    wouldReach: "nothing in the client: a bare `net` program is only a fifth faster here"
  },
  {
    rows: /^receive qos1 (64 KiB|1 MiB)$/,
    tried:
      "chunks of one packet are joined once instead of copied into a growing buffer, and all acknowledgements of one " +
      "round of the event loop leave in one write. Processor time for a message of 64 KiB went from 92 us to 58 us " +
      "(peer: 41), of 1 MiB from 1.7 ms to 0.9 ms (peer: 0.6). Buffers that are not filled with zeros first " +
      "(`Buffer.allocUnsafeSlow`) were no faster. A buffer that grows 32-fold was not kept, because a declared length " +
      "must not make the client hold many times the bytes that have arrived",
    profile:
      "half of the time is full garbage collections. V8 makes one for every 64 MB of buffers on either side, which are " +
      "32 messages of 1 MiB with the chunks that brought them. It visits all live objects: 20 MB in a program with " +
      "`effect`, 14 MB with MQTT.js",
    wouldReach:
      "reading into one buffer that is used again (`onread` of `node:net`), which needs a socket of our own instead of " +
      "the platform's; or a smaller `effect`"
  },
  {
    rows: /^dispatch to 10,000 filters against/,
    tried:
      "one scheduler for the streams of a client instead of one for each, and no effect between waking a stream and its " +
      "taking the messages: 5.3 us to 2.6 us for a message; arrays with room for one message instead of 17",
    profile:
      "finding the filter costs about the same for 1 and for 10,000 (see the row of one stream, which has them too). " +
      "Two costs grow: each message wakes a fiber of its own, where with one filter a chunk of hundreds wakes one, " +
      "and 10,000 streams do not fit into the processor's caches",
    wouldReach:
      "nothing while every stream is a fiber that is resumed for its message. One subscription of many filters, " +
      "with the program dispatching by `message.topic`, costs nearly as little as one filter"
  },
  {
    rows: /per idle client$/,
    tried:
      "classes instead of objects of closures, parts made only when they are needed, three fibers and one timer for a " +
      "connection instead of six and four, buffers given back: from 149 KiB to 65 KiB and now to 35 KiB of heap",
    profile:
      "three fibers with their stacks and contexts take 7 KiB, the platform's Socket on the bare socket 6 KiB, " +
      "scopes with their finalizers 4 KiB, the codec 3 KiB, the client with the memo of its layer 2 KiB, and twenty " +
      "places a few hundred bytes each",
    wouldReach:
      "a socket of our own, and the codec as classes too, would come to about 27 KiB. To need as little as MQTT.js, a " +
      "connection would have to be driven by callbacks, without fibers and scopes"
  }
]
