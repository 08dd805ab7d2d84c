// npm's `ws`, a client that nobody here wrote, talks to the guest `websocket_as_asked`. `node peer.mjs HOST:PORT`.
import assert from "node:assert/strict";
import { once } from "node:events";
import WebSocket from "ws";

const server = `ws://${process.argv[2]}`;
setTimeout(() => { console.error("the client takes too long"); process.exit(2); }, 60_000).unref();

async function open(path, protocols = [], options = {}) {
  const socket = new WebSocket(server + path, protocols, options);
  // From the beginning, so that nothing which comes at once is lost.
  const heard = [];
  let wake = () => {};
  socket.on("message", (data, isBinary) => { heard.push(isBinary ? data : data.toString()); wake(); });
  socket.closed = once(socket, "close").then(([code, reason]) => [code, reason.toString()]);
  socket.hear = async () => {
    while (heard.length === 0) await new Promise((resolve) => { wake = resolve; });
    return heard.shift();
  };
  await once(socket, "open");
  return socket;
}

async function refused(path) {
  const socket = new WebSocket(server + path);
  socket.on("error", () => {});
  const [, response] = await once(socket, "unexpected-response");
  const chunks = await response.toArray();
  return [response.statusCode, Buffer.concat(chunks).toString()];
}

for (const perMessageDeflate of [false, true]) {
  const socket = await open("/echo", ["other", "chat"], { perMessageDeflate });
  assert.equal(socket.protocol, "other");
  assert.equal(socket.extensions.includes("permessage-deflate"), perMessageDeflate);
  for (const said of ["hello", "", "🙂".repeat(300_000)]) {
    socket.send(said);
    assert.equal(await socket.hear(), said);
  }
  const noise = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * i * 31) & 0xff));
  for (const said of [Buffer.alloc(0), noise, Buffer.alloc(1 << 20)]) {
    socket.send(said);
    assert.deepEqual(await socket.hear(), said);
  }
  // In three frames, with a ping between them.
  const pong = once(socket, "pong");
  socket.send("one, ", { fin: false });
  socket.ping("are you there");
  socket.send("two, ", { fin: false });
  socket.send("three", { fin: true });
  assert.equal(await socket.hear(), "one, two, three");
  assert.equal((await pong)[0].toString(), "are you there");
  socket.close(4000, "that is all");
  // The code comes back.
  assert.deepEqual(await socket.closed, [4000, ""]);
  console.log(perMessageDeflate ? "compressed" : "plain");
}

const closes = await open("/play?accept&send=hello&close=4001:bye");
assert.equal(await closes.hear(), "hello");
assert.deepEqual(await closes.closed, [4001, "bye"]);
assert.deepEqual(await (await open("/play?accept")).closed, [1000, ""]);
assert.deepEqual(await (await open("/play?accept&raise=why")).closed, [1011, ""]);
console.log("closed");

assert.deepEqual((await refused("/play?close=1000:"))[0], 403);
assert.deepEqual(await refused("/play?deny=401&body=not%20&last=you"), [401, "not you"]);
console.log("refused");
process.exit(0);
