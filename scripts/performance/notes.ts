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
    rows: /^(publish qos1 window 1000|publishSink qos[012])$/,
    tried:
      "packets that are the actions of the session themselves, acknowledgements that are read in one go and need no " +
      "pairs, no number for messages that nobody orders. Publishing at QoS 1 went from 1,678 to 1,571 bytes of objects " +
      "for a message, the sink from 941 to 870. The sink lets go of the messages of a chunk as soon as they are written, " +
      "because V8 came to allocate the messages of the program as old objects",
    profile:
      "publishing from fibers is close to what Effect needs to suspend and resume a fiber: the session runner takes 7%, " +
      "and asynchronous resources of Node 6%. Between two rounds of the same side the rate differs by up to 30%",
    wouldReach: "runs of messages that go through the layers as one value, and become packets only in the encoder"
  },
  {
    rows: /^(receive qos[012]( by chunks)?|consume qos1)$/,
    tried:
      "acknowledgements that are made by a constructor: as literals, V8 allocated them as old objects, with full " +
      "collections of 150 to 200 MB. The objects of a message went from 1,084 to 888 bytes at QoS 1, and from 1,526 to " +
      "1,267 at QoS 2. A constructor for received packets was slower. A run on a faster machine had 10.4 at " +
      "QoS 1 and 18.4 at QoS 2",
    profile:
      "a flat one: the collector takes 16%, reading PUBLISH 8%, the step of the session 6%, the delivery 4%. The rest is " +
      "the run loop of Effect and the stream. Each message needs five objects: packet, action, message, arrival and " +
      "acknowledgement",
    wouldReach:
      "runs of PUBLISH packets of one topic that go through the layers as one value, and become messages where the " +
      "program looks at them"
  },
  {
    rows: /^codec /,
    tried:
      "a cache of topics by their bytes, one look-up for the first byte of a packet, tables of properties instead of " +
      "branches",
    profile:
      "of decoding a short PUBLISH, the view of its payload takes a quarter, and the packet itself 29%. With properties, " +
      "a half goes into the table of properties and their strings. In the same minutes two runs of one side differ by a " +
      "tenth",
    wouldReach: "payloads that are views only when the program reads them"
  },
  {
    rows: /^v3 /,
    tried:
      "publishing without a fiber of the engine, waiting in a region that is not interruptible instead of Effect 3's clean-up " +
      "of what is asynchronous, messages that cross as they are",
    profile:
      "a fork in Effect 3 takes two microseconds, as long as all that the client does to consume a message. In some " +
      "processes V8 allocates Effect 3's own objects as old ones, and publishing takes twice the time",
    wouldReach:
      "nothing in this package: a fiber for each message, or a wait for it, costs more in Effect 3 than the client"
  },
  {
    rows: /^1,000 clients: time to connect$/,
    tried: "parts of a client that are made only when they are needed",
    profile:
      "a flat one: connecting sockets and writing to them takes 7%, the collector 9%, and no other part more than 2%. " +
      "Most of it is the run loop of Effect",
    wouldReach: "a constructor of clients without layers, and a connection that is driven by callbacks"
  },
  {
    rows: /^recovery of 10,000 in flight at 10 ms$/,
    tried: "all messages of the session are written in one turn, each once",
    profile:
      "MQTT.js waits for a round trip for each message, so its time is that of the network. Ours is processor time, so " +
      "the ratio depends on the machine: a run on a faster one had 1,283",
    wouldReach: "a faster machine"
  },
  {
    rows: /^cold import$/,
    tried: "modules that are imported by name, and a command line that is bundled",
    profile: "the modules of `effect` are four fifths of the time",
    wouldReach: "bundling the program, or fewer modules of `effect`"
  },
  {
    rows: /^browser bundle with effect, gzipped$/,
    tried:
      "tables for decoder, encoder and checks, of which each side has its own; tracing and metrics as layers of their own",
    profile: "`effect` is a quarter of the bundle. A page that only publishes has a fifth less",
    wouldReach: "a smaller core of `effect`, or a client with fewer features"
  },
  {
    rows: /^receive qos1 (64 KiB|1 MiB)$/,
    tried:
      "chunks of one packet are joined once instead of copied into a growing buffer, and all acknowledgements of one " +
      "round of the event loop leave in one write. Processor time for a message of 64 KiB went from 92 us to 58 us " +
      "(peer: 41), of 1 MiB from 1.7 ms to 0.9 ms (peer: 0.6). Buffers that are not filled with zeros first " +
      "(`Buffer.allocUnsafeSlow`) were no faster. A buffer that grows 32-fold was not kept, because a declared length " +
      "must not make the client hold many times the bytes that have arrived. A socket of our own that reads into one buffer " +
      "(`onread` of `node:net`), with packets copied once into memory of the right size, was built and not kept: against the " +
      "platform's socket it had 0.99 to 1.20 at 64 KiB, 0.89 to 1.00 at 1 MiB, and 0.73 to 0.76 for messages of 64 bytes at QoS 0",
    profile:
      "half of the time is full garbage collections. V8 makes one for every 64 MB of buffers on either side, which are " +
      "32 messages of 1 MiB with the chunks that brought them. It visits all live objects: 20 MB in a program with " +
      "`effect`, 14 MB with MQTT.js",
    wouldReach:
      "memory for payloads that is not filled with zeros and not counted against the collector, which Node gives to " +
      "nobody; or a smaller `effect`"
  },
  {
    rows: /^dispatch to 10,000 filters( against.*)?$/,
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
      "connection instead of six and four, buffers given back: from 149 KiB to 65 KiB, and to 35 KiB of heap before the client learned to keep its session in a store",
    profile:
      "three fibers with their stacks and contexts take 7 KiB, the platform's Socket on the bare socket 6 KiB, " +
      "scopes with their finalizers 4 KiB, the codec 3 KiB, the client with the memo of its layer 2 KiB, and twenty " +
      "places a few hundred bytes each",
    wouldReach:
      "a socket of our own, and the codec as classes too, would come to about 27 KiB. To need as little as MQTT.js, a " +
      "connection would have to be driven by callbacks, without fibers and scopes"
  }
]
