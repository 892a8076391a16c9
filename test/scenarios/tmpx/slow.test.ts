import { connect } from "node:http2";
import { request } from "node:http";
import { it } from "vitest";
import { startTestServer } from "../../support/server.js";
import { createTestProject } from "../project.js";
import { frame } from "../../api/http/wire.js";
it("slow", async () => {
  await using server = await startTestServer();
  for (const which of ["h2", "h1", "h2rest"]) {
    const project = await createTestProject(server, "s"+which);
    const headers: Record<string,string> = which === "h2rest" ? {} : {"content-type": which === "h2" ? "application/grpc" : "application/grpc-web+proto", te: "trailers"};
    headers["x-api-key"] = project.runtimeToken.dev;
    let stream: NodeJS.ReadableStream & {pause():unknown};
    const path = which === "h2rest" ? "/v1/bundles/watch" : "/signet.v1.RuntimeService/WatchBundle";
    if (which.startsWith("h2")) {
      const s = connect(server.url);
      const st = s.request({ ":method": which === "h2" ? "POST" : "GET", ":path": path, ...headers });
      st.end(which === "h2" ? frame(0, "") : undefined);
      await new Promise(r => st.once("response", r));
      stream = st;
    } else {
      const st = request(server.url + path, { method: "POST", headers });
      st.end(frame(0, ""));
      stream = await new Promise(r => st.once("response", r));
    }
    stream.pause();
    for (let n = 1; n <= 50; n++) await project.publish("dev", n, 200000);
    let total = 0; let done: () => void; const p = new Promise<void>(r => done = r);
    let text = "";
    stream.on("data", (c: Buffer) => { total += c.length; text = (text + c.toString("latin1")).slice(-1000000); if (text.includes('"bundle_version":50')) done(); });
    await p;
    console.log(which, "bytes", total, "messages ~", total / 200900);
  }
});
