import { once } from "node:events";
import { createServer } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { expect, it } from "vitest";
import type { WatchFeed } from "../../src/agent/serve/watch-feed.js";
import { WatchStream } from "../../src/agent/serve/watch-stream.js";

it("a reader that takes nothing is cut after its time, and is sent no more than the connection holds", async () => {
  let sent = 0;
  const feed: WatchFeed = {
    next: () => Promise.resolve({ bytes: Buffer.alloc(1 << 20, "x"), sent: () => void (sent += 1) }),
    heartbeat: () => Buffer.from("\n"),
  };
  const streams: WatchStream[] = [];
  let listening = 0;
  const server = createServer((_, response) => {
    const onChange = () => {
      listening += 1;
      return { [Symbol.dispose]: () => void (listening -= 1) };
    };
    const state = { cursor: { sequence: 0, deploymentId: "" }, lease: null, root: null, isFirst: true };
    streams.push(new WatchStream({ response, feed, form: "events", state, onChange, stuckMs: 100 }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => undefined);
  // It never reads.
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await once(server, "request");
  await streams[0]?.over;
  expect(listening).toBe(0);
  // What the buffers of the connection took; without a bound it would go on for ever.
  expect(sent).toBeLessThan(64);
  const after = sent;
  streams[0]?.wake();
  streams[0]?.beat();
  expect(sent).toBe(after);
  socket.destroy();
  server.close();
  await once(server, "close");
});
